import type { Logger } from '../../platform/telemetry/logger.ts';
import { latencyBuckets, type Metrics } from '../../platform/telemetry/metrics.ts';

/** What happens in record, each as one function that moves the counter and writes the line. */
export interface RecordEvents {
  /** @param oldestMs when the first record of the batch was appended, milliseconds since 1970 */
  wrote(topic: string, rows: number, oldestMs: number): void;
  poisoned(topic: string, records: number): void;
  /** The database or the log did not take it; it is tried again. */
  retrying(topic: string, pauseMs: number, error: unknown): void;
  partitionsKept(made: number, dropped: number): void;
  partitionsFailed(error: unknown): void;
}

export function createRecordEvents(logger: Logger, metrics: Metrics): RecordEvents {
  const rows = metrics.counter(
    { name: 'firebreak_record_rows_total', help: 'Records written to history, repeats included.' },
    ['topic'],
  );
  const dead = metrics.counter(
    { name: 'firebreak_record_dead_letters_total', help: 'Records that history could not take.' },
    ['topic'],
  );
  const retries = metrics.counter(
    {
      name: 'firebreak_record_retries_total',
      help: 'Batches tried again because the database or the log was away.',
    },
    ['topic'],
  );
  const age = metrics.histogram(
    {
      name: 'firebreak_record_age_seconds',
      help: 'From the append of a batch’s oldest record to its rows in history.',
    },
    { labels: ['topic'], buckets: [...latencyBuckets, 300, 1800, 7200] },
  );
  const partitionFailures = metrics.counter({
    name: 'firebreak_record_partition_failures_total',
    help: 'Rounds in which the days of history could not be made or dropped; the next hour tries again.',
  });
  return {
    wrote: (topic, count, oldestMs) => {
      rows.inc({ topic }, count);
      age.observe({ topic }, Math.max(0, Date.now() - oldestMs) / 1000);
    },
    poisoned: (topic, count) => {
      dead.inc({ topic }, count);
      logger.error({ topic, records: count }, 'Records lie in the dead letters');
    },
    retrying: (topic, pauseMs, error) => {
      retries.inc({ topic });
      logger.warn({ topic, pauseMs, error }, 'History waits for the database');
    },
    partitionsKept: (made, dropped) => {
      if (made + dropped > 0) logger.info({ made, dropped }, 'Days of history were made and dropped');
    },
    partitionsFailed: (error) => {
      partitionFailures.inc();
      logger.error({ error }, 'Days of history could not be made or dropped');
    },
  };
}
