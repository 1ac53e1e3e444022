import type { Limits } from '../../contracts/limits.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { createRecordEvents } from './events.ts';
import { PartitionKeeper } from './partition-keeper.ts';
import { Recorder } from './recorder.ts';
import { TableWriter } from './table-writer.ts';
import { decisionTable, entryTable, reportTable } from './tables.ts';
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
}

/** Writes reports, decisions and entries from the log to history. Its parts start after the log and the database. */
export function createRecord({ log, pool, limits, logger, metrics }: RecordDependencies): RecordService {
  const events = createRecordEvents(logger, metrics);
  const options = { log, pool, events };
  const writers = [
    new TableWriter(reportTable, options),
    new TableWriter(decisionTable(limits.sharedFromTenants), options),
    new TableWriter(entryTable, options),
  ];
  return {
    parts: [new PartitionKeeper(pool, limits, events), new Recorder({ log, writers, events })],
  };
}
