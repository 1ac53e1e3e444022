import type { Limits } from '../../contracts/limits.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ConsumerGroup } from '../../platform/log/log.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { createRecordEvents } from './events.ts';
import { PartitionKeeper } from './partition-keeper.ts';
import { Recorder } from './recorder.ts';
import { historyWriters } from './history-writers.ts';
import { recordGroup } from './table-writer.ts';
import type { DatabasePool } from '../../platform/postgres/pool.ts';

export interface RecordDependencies {
  readonly log: TopicLog;
  /** Logs in as `firebreak_writer`. */
  readonly pool: Pick<DatabasePool, 'query'>;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface RecordService {
  readonly parts: readonly Part[];
  readonly groups: readonly ConsumerGroup[];
}

/** Writes reports, decisions and entries from the log to history. Its parts start after the log and the database. */
export function createRecord({ log, pool, limits, logger, metrics }: RecordDependencies): RecordService {
  const events = createRecordEvents(logger, metrics);
  const writers = historyWriters(limits, { log, pool, events });
  return {
    parts: [new PartitionKeeper(pool, limits, events), new Recorder({ log, writers })],
    groups: [{ group: recordGroup, topics: writers.map(({ topic }) => topic) }],
  };
}
