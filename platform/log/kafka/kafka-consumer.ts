import type { Cluster } from 'kafkajs';
import { Commits } from '../commits.ts';
import type { ConsumeOptions, Consumer, PartitionBounds, PartitionRef, Position } from '../log.ts';
import { persist } from '../persist.ts';
import { FeedLoop } from './feed-loop.ts';
import { Fetcher } from './fetcher.ts';
import { GroupMember } from './group-member.ts';
import { PartitionFeed } from './partition-feed.ts';
import type { KafkaLogSettings } from './settings.ts';
import type { SharedRecords } from './shared-records.ts';

export interface KafkaConsumerDependencies {
  /** Connections of this consumer alone; its topics are known to it. */
  readonly cluster: Cluster;
  readonly settings: KafkaLogSettings;
  readonly bounds: (topic: string) => Promise<readonly PartitionBounds[]>;
  readonly shared: SharedRecords;
  readonly onStopped: (consumer: KafkaConsumer) => void;
}

interface Owned {
  readonly loop: FeedLoop;
  /** Resolves when the last handler has returned. */
  running: Promise<void>;
}

const watchEveryMs = 1000;

/** A member of a group, and the handlers of its partitions: each partition has a loop of its own, one batch at a time. */
export class KafkaConsumer implements Consumer {
  readonly #options: ConsumeOptions;
  readonly #deps: KafkaConsumerDependencies;
  readonly #member: GroupMember;
  readonly #fetcher: Fetcher;
  readonly #commits: Commits;
  readonly #owned = new Map<string, Owned>();
  readonly #paused = new Set<string>();
  /** Gains and losses, one after the other. */
  #turn: Promise<void> = Promise.resolve();
  #hasFailed = false;
  readonly #stuck = new Set<FeedLoop>();
  #watching: NodeJS.Timeout | undefined;
  #stopping: Promise<void> | undefined;

  constructor(options: ConsumeOptions, dependencies: KafkaConsumerDependencies) {
    this.#options = options;
    this.#deps = dependencies;
    const { cluster, settings } = dependencies;
    this.#member = new GroupMember({
      cluster,
      groupId: options.group,
      topics: options.topics,
      settings,
      onGained: (slots) => void this.#inTurn(() => this.#gain(slots)),
      onLost: (slots, clean) => this.#inTurn(() => this.#lose(slots, clean)),
      onFailed: (error) => this.#fail(error),
    });
    this.#commits = new Commits({
      send: (positions) => this.#member.commit(positions),
      onFailed: (error) => settings.onEvent({ kind: 'commit-failed', group: options.group, error }),
      onBroken: (error) => this.#fail(error),
    });
    this.#fetcher = new Fetcher({
      cluster,
      waitMs: settings.fetchWaitMs,
      onEvent: settings.onEvent,
      onFed: (feed) => this.#owned.get(nameOf(feed.ref))?.loop.wake(),
      resetTo: (feed) => this.#begin(feed.ref, feed.fetchOffset),
      onFailed: (error) => this.#fail(error),
    });
  }

  /** Resolves when the group has given this member its first partitions, if any, and they are on their way. */
  async start(): Promise<void> {
    this.#watching = setInterval(() => this.#watch(), watchEveryMs).unref();
    await new Promise<void>((resolve) => this.#member.start(resolve));
    await this.#turn;
  }

  commit(position: Position): void {
    if (this.#owned.has(nameOf(position))) this.#commits.note(position);
  }

  pause(partitions: readonly PartitionRef[]): void {
    for (const ref of partitions) {
      this.#paused.add(nameOf(ref));
      const loop = this.#owned.get(nameOf(ref))?.loop;
      if (loop !== undefined) loop.feed.isPaused = true;
    }
  }

  resume(partitions: readonly PartitionRef[]): void {
    for (const ref of partitions) {
      this.#paused.delete(nameOf(ref));
      const loop = this.#owned.get(nameOf(ref))?.loop;
      if (loop === undefined) continue;
      loop.feed.isPaused = false;
      loop.wake();
    }
    this.#fetcher.poke();
  }

  seek(position: Position): void {
    this.#owned.get(nameOf(position))?.loop.feed.seek(position.offset);
    this.#fetcher.poke();
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A partition whose handler has not returned for long; null when all go on. */
  get stuckAt(): PartitionRef | null {
    for (const { feed } of this.#stuck) return feed.ref;
    return null;
  }

  async #stop(): Promise<void> {
    clearInterval(this.#watching);
    await this.#member.leave();
    await this.#turn;
    await this.#fetcher.close();
    this.#deps.onStopped(this);
  }

  async #gain(slots: readonly number[]): Promise<void> {
    let gained: readonly PartitionFeed[] = [];
    await this.#insist('taking partitions over', async () => {
      gained = (await Promise.all(this.#options.topics.map((topic) => this.#open(topic, slots)))).flat();
    });
    if (gained.length === 0 || this.#hasFailed) return;
    for (const feed of gained) {
      feed.isPaused = this.#paused.has(nameOf(feed.ref));
      this.#owned.set(nameOf(feed.ref), { loop: this.#loopOf(feed), running: Promise.resolve() });
    }
    const refs = gained.map(({ ref }) => ref);
    await this.#guard(() =>
      this.#insist('taking partitions over', () => this.#options.onGained?.(refs, this)),
    );
    for (const { ref } of gained) {
      const owned = this.#owned.get(nameOf(ref));
      if (owned !== undefined) owned.running = owned.loop.run();
    }
    this.#fetcher.add(gained);
  }

  /** @returns feeds of the topic's partitions among the slots, from where the group has committed */
  async #open(topic: string, slots: readonly number[]): Promise<readonly PartitionFeed[]> {
    const mine = (await this.#deps.bounds(topic)).filter(({ partition }) => slots.includes(partition));
    if (mine.length === 0) return [];
    const committed = await this.#member.committed(
      topic,
      mine.map(({ partition }) => partition),
    );
    return mine.map((bounds) => {
      const { partition } = bounds;
      const from = this.#within(bounds, committed.get(partition) ?? null);
      return new PartitionFeed({ topic, partition }, from, this.#deps.shared);
    });
  }

  #loopOf(feed: PartitionFeed): FeedLoop {
    const { maxBatchRecords, maxBatchBytes, handle } = this.#options;
    const loop: FeedLoop = new FeedLoop(feed, {
      ...(maxBatchRecords !== undefined && { maxBatchRecords }),
      ...(maxBatchBytes !== undefined && { maxBatchBytes }),
      handle: (batch) =>
        this.#guard(() =>
          this.#insist(
            'handling a batch',
            () => handle(batch, this),
            () => loop.isAt(batch.end),
          ),
        ),
      onRoom: () => this.#fetcher.poke(),
    });
    return loop;
  }

  async #lose(slots: readonly number[], clean: boolean): Promise<void> {
    const losing = [...this.#owned.values()].filter(({ loop }) => slots.includes(loop.feed.ref.partition));
    if (losing.length === 0) return;
    const refs = losing.map(({ loop }) => loop.feed.ref);
    this.#fetcher.remove(losing.map(({ loop }) => loop.feed));
    for (const { loop } of losing) loop.stop();
    // Another member may own them already: no commit of ours may be taken for the owner's.
    if (!clean) for (const ref of refs) this.#owned.delete(nameOf(ref));
    if (!clean) this.#commits.drop(refs);
    await Promise.all(losing.map(({ running }) => running));
    await this.#guard(() => this.#options.onLost?.(refs, clean, this));
    if (clean) await this.#commits.finish(refs);
    for (const ref of refs) this.#owned.delete(nameOf(ref));
  }

  #watch(): void {
    const { settings } = this.#deps;
    for (const { loop } of this.#owned.values()) {
      const forMs = Math.round(loop.handlingMs);
      if (forMs < settings.stuckAfterMs) this.#stuck.delete(loop);
      else if (!this.#stuck.has(loop)) {
        this.#stuck.add(loop);
        settings.onEvent({ kind: 'stuck', group: this.#options.group, ...loop.feed.ref, forMs });
      }
    }
    for (const loop of this.#stuck)
      if (this.#owned.get(nameOf(loop.feed.ref))?.loop !== loop) this.#stuck.delete(loop);
  }

  /** @returns where to go on from an offset that the log may not have (any more) */
  async #begin(ref: PartitionRef, offset: number): Promise<number> {
    const bounds = (await this.#deps.bounds(ref.topic)).find(({ partition }) => partition === ref.partition);
    return bounds === undefined ? offset : this.#within(bounds, offset);
  }

  #within({ start, end }: PartitionBounds, offset: number | null): number {
    if (offset !== null && offset >= start && offset <= end) return offset;
    return this.#options.from === 'earliest' ? start : end;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    this.#turn = this.#turn.then(work).catch((error: unknown) => this.#fail(error));
    return this.#turn;
  }

  async #insist(
    what: string,
    attempt: () => Promise<void> | void | undefined,
    isWanted: () => boolean = () => this.#stopping === undefined,
  ): Promise<void> {
    const { onEvent } = this.#deps.settings;
    await persist(attempt, { isWanted, onRetry: (error) => onEvent({ kind: 'retrying', what, error }) });
  }

  /** What the caller's code throws, but for what is away, ends this consumer, once, and nothing else. */
  async #guard(call: () => Promise<void> | void | undefined): Promise<void> {
    try {
      await call();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    for (const { loop } of this.#owned.values()) loop.stop();
    void this.stop().finally(() => {
      const { onFailed } = this.#options;
      if (onFailed === undefined) throw error;
      onFailed(error);
    });
  }
}

function nameOf({ topic, partition }: PartitionRef): string {
  return `${topic}/${partition}`;
}
