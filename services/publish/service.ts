import { FirebreakError } from '../../contracts/errors.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { Route } from '../../platform/http/route.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { changesRoute } from './changes-route.ts';
import type { PublishEvents } from './events.ts';
import { LogReader } from './log-reader.ts';
import { PublishedState } from './published-state.ts';
import { Publisher } from './publisher.ts';
import { snapshotRoute } from './snapshot-route.ts';
import { streamRoute } from './stream-route.ts';

export interface PublishDependencies {
  readonly log: TopicLog;
  /** Of each topic. */
  readonly partitions: number;
  /** Tells this log from any other, also from one that was begun anew: cursors of another are refused. */
  readonly logIdentity: string;
  readonly limits: Limits;
  readonly events: PublishEvents;
  /** Milliseconds since 1970. Default `Date.now`. */
  readonly now?: () => number;
  /** From 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
  /** Over how long `streams.stop()` lets subscribers go. Default 1 s. */
  readonly dismissOverMs?: number;
}

/** Entries whose reporting device is remembered: it is told which process to stop. */
const originsKept = 20_000;

/**
 * @returns the routes; `parts`, to be started before whatever serves the routes; and `streams`, to be started after it,
 *   so that it is stopped first: it lets the open streams go, without which no HTTP server comes to its end
 */
export function createPublish(dependencies: PublishDependencies): {
  readonly routes: readonly Route[];
  readonly parts: readonly Part[];
  readonly streams: Part;
} {
  const { log, partitions, logIdentity, limits, events, dismissOverMs = 1000 } = dependencies;
  const now = dependencies.now ?? Date.now;
  const random = dependencies.random ?? Math.random;
  const { tombstoneDelayMs } = limits;
  const state = new PublishedState({ partitions, tombstoneDelayMs, originsKept });
  const publisher = new Publisher({ state, limits, logIdentity, events, now, random, dismissOverMs });
  const reader = new LogReader({ log, partitions, state, publisher, events, now });
  const admit = (): void => {
    const missing = reader.unready();
    const retryAfterMs = publisher.retryMs();
    if (missing !== null) throw new FirebreakError('FB_NOT_READY', missing, { retryAfterMs });
    if (publisher.stopping)
      throw new FirebreakError('FB_NOT_READY', 'The stream is stopping.', { retryAfterMs });
    if (publisher.connections < limits.subscribersPerProcess) return;
    const detail = `${limits.subscribersPerProcess} subscribers are connected.`;
    throw new FirebreakError('FB_SUBSCRIBERS_FULL', detail, { retryAfterMs });
  };
  const streamDependencies = { state, publisher, limits, logIdentity, events, now, admit };
  return {
    routes: [
      streamRoute(streamDependencies),
      changesRoute(streamDependencies),
      snapshotRoute(streamDependencies),
    ],
    parts: [reader],
    streams: publisher,
  };
}
