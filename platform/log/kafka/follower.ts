import type { Cluster } from 'kafkajs';
import type { FollowOptions, PartitionBounds, PartitionRef } from '../log.ts';
import { FeedLoop } from './feed-loop.ts';
import { Fetcher } from './fetcher.ts';
import { PartitionFeed } from './partition-feed.ts';
import type { KafkaLogSettings } from './settings.ts';
import type { SharedRecords } from './shared-records.ts';

export interface FollowerDependencies {
  /** Connections of this follower alone; its topics are known to it. */
  readonly cluster: Cluster;
  readonly settings: KafkaLogSettings;
  /** As they are now, in the order of `from`. */
  readonly bounds: readonly (PartitionBounds | undefined)[];
  readonly boundsNow: (ref: PartitionRef) => Promise<PartitionBounds | undefined>;
  readonly shared: SharedRecords;
  readonly signal: AbortSignal;
}

/** Follows until the signal aborts, then resolves. Rejects with what a handler throws. */
export async function followPartitions(options: FollowOptions, deps: FollowerDependencies): Promise<void> {
  const { cluster, settings, bounds, boundsNow, shared, signal } = deps;
  let missing = bounds.length;
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => (fail = reject));
  const fetcher = new Fetcher({
    cluster,
    waitMs: settings.fetchWaitMs,
    onEvent: settings.onEvent,
    onFed: (feed) => loops.find((loop) => loop.feed === feed)?.wake(),
    resetTo: async ({ ref, fetchOffset }) => {
      const { start, end } = (await boundsNow(ref)) ?? { start: fetchOffset, end: fetchOffset };
      return Math.min(end, Math.max(start, fetchOffset));
    },
    onFailed: fail,
  });
  const loops = options.from.map(({ topic, partition, offset }, index) => {
    const { start = 0, end = 0 } = bounds[index] ?? {};
    let isReached = false;
    return new FeedLoop(new PartitionFeed({ topic, partition }, Math.max(start, offset), shared), {
      ...options,
      onMoved: (position) => {
        if (isReached || position < end) return;
        isReached = true;
        missing -= 1;
        if (missing === 0) options.onReached?.();
      },
      onRoom: () => fetcher.poke(),
    });
  });
  const stop = (): void => loops.forEach((loop) => loop.stop());
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  fetcher.add(loops.map(({ feed }) => feed));
  const running = loops.map((loop) => loop.run());
  try {
    await Promise.race([failed, Promise.all(running)]);
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    await Promise.allSettled(running);
    await fetcher.close();
  }
}
