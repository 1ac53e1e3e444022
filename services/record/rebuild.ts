import type { Limits } from '../../contracts/limits.ts';
import type { Log } from '../../platform/log/log.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { DatabaseClient, DatabasePool } from '../../platform/postgres/pool.ts';
import type { RecordEvents } from './events.ts';
import { historyWriters, type TopicWriter } from './history-writers.ts';
import { PartitionKeeper } from './partition-keeper.ts';
import { RebuildPositions } from './rebuild-positions.ts';

export interface RebuildOptions {
  readonly log: Pick<Log, 'bounds' | 'read'>;
  readonly logIdentity: string;
  /** Logs in as `firebreak_writer`. */
  readonly pool: Pick<DatabasePool, 'query'>;
  readonly limits: Limits;
  readonly events: RecordEvents;
  /** After every batch. */
  readonly onProgress: (progress: RebuildProgress) => void;
  /** Stops it after the batches that are being written; the next run goes on there. */
  readonly signal: AbortSignal;
}

/** How far one topic has come, in offsets. Compacted topics have gaps: there are fewer records than offsets. */
export interface RebuildProgress {
  readonly topic: string;
  readonly done: number;
  readonly total: number;
}

export interface RebuildOutcome {
  /** False when it was stopped before the end. */
  readonly isComplete: boolean;
  readonly records: number;
  /** Records that no row could be made of: the service put them into the dead letters when it met them. */
  readonly refused: number;
}

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Writes history anew from the log, from the oldest record that is still there to the end that each partition has now.
 * The writers are those of the service, and what is there already stays as it is: it may run beside the service, and
 * again. Positions are kept in history itself until all of it is written.
 *
 * @throws FB_DATABASE_UNAVAILABLE, FB_LOG_UNAVAILABLE: the next run goes on where this one was
 */
export async function rebuildHistory(options: RebuildOptions): Promise<RebuildOutcome> {
  const { pool, limits, events } = options;
  let refused = 0;
  const buried: Pick<TopicLog, 'bequeath'> = {
    bequeath: (_origin, _group, dead) => {
      refused += dead.length;
      return Promise.resolve();
    },
  };
  const failing = new AbortController();
  const signal = AbortSignal.any([options.signal, failing.signal]);
  const writers = historyWriters(limits, { log: buried, pool, events, lingerMs: 0, isRebuild: true });
  signal.addEventListener('abort', () => writers.forEach((writer) => writer.stop()));
  const days = new PartitionKeeper(pool, daysOf(limits), events);
  await days.start();
  try {
    const positions = await RebuildPositions.load(pool, options.logIdentity);
    const topics = writers.map((writer) =>
      rebuildTopic(writer, positions, { ...options, signal }).catch((error: unknown) => {
        failing.abort();
        throw error;
      }),
    );
    await Promise.allSettled(topics);
    await positions.save();
    const done = await Promise.all(topics);
    const isComplete = done.every((topic) => topic.isComplete);
    if (isComplete) await positions.clear();
    return { isComplete, records: done.reduce((sum, { records }) => sum + records, 0), refused };
  } finally {
    await days.stop();
  }
}

async function rebuildTopic(
  writer: TopicWriter,
  positions: RebuildPositions,
  { log, onProgress, signal }: RebuildOptions,
): Promise<Omit<RebuildOutcome, 'refused'>> {
  const { topic } = writer;
  const parts = (await log.bounds(topic)).map((bounds) => ({ ...bounds, from: positions.of(bounds) }));
  const total = parts.reduce((sum, { from, end }) => sum + end - from, 0);
  let records = 0;
  let behind = 0;
  for (const { partition, from, end } of parts) {
    for await (const batch of log.read({ topic, partition, offset: from }, end)) {
      if (!(await writer.write(batch))) return { records, isComplete: false };
      records += batch.records.length;
      await positions.reached(topic, partition, batch.end);
      onProgress({ topic, done: behind + batch.end - from, total });
      if (signal.aborted) return { records, isComplete: false };
    }
    behind += end - from;
    await positions.reached(topic, partition, end);
  }
  return { records, isComplete: true };
}

/** Days as far back as the log can have decisions, so that few rows lie where days are not kept. */
function daysOf({ signalAgeMs, decisionRetentionMs, historyRetentionDays }: Limits) {
  const backMs = Math.max(signalAgeMs, decisionRetentionMs);
  return { signalAgeMs: Math.min(backMs, (historyRetentionDays - 1) * dayMs), historyRetentionDays };
}

/**
 * Forgets all of history, also what the log no longer has, and how far a rebuild had come.
 * @param owner of the database: no role of the service may do this
 */
export async function emptyHistory(owner: Pick<DatabaseClient, 'query'>): Promise<void> {
  await owner.query(
    `begin;
     truncate history.reports, history.decisions, history.sightings, history.entries, history.rebuild_positions;
     update history.zones set first_recorded_at = null, last_recorded_at = null;
     commit`,
  );
}
