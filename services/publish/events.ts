import { topics } from '../../contracts/topics.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { latencyBuckets } from '../../platform/telemetry/metrics.ts';

export type ResyncReason = 'no-cursor' | 'cursor-too-old' | 'cursor-ahead' | 'too-slow' | 'restart';

/** What publish tells its operators: each event is one function. */
export interface PublishEvents {
  recordRead(topic: string, records: number): void;
  recordUnreadable(topic: string, partition: number, offset: number, detail: string): void;
  readingFailed(error: unknown, againInMs: number): void;
  caughtUp(rows: number, tookMs: number): void;
  flushed(subscribers: number, bytes: number, ageMs: number): void;
  subscribed(): void;
  unsubscribed(): void;
  resynced(reason: ResyncReason): void;
  snapshotTaken(encoding: 'gzip' | 'identity', entries: number, tookMs: number): void;
  snapshotBroken(detail: string): void;
}

export function createPublishEvents(logger: Logger, metrics: Metrics): PublishEvents {
  const read = metrics.counter(
    { name: 'firebreak_publish_records_total', help: 'Records read from the log, by topic.' },
    ['topic'],
  );
  const unreadable = metrics.counter(
    {
      name: 'firebreak_publish_unreadable_total',
      help: 'Records that could not be read and were passed over.',
    },
    ['topic'],
  );
  // There from the start: the first one is an increase, too.
  for (const { name } of [topics.verdicts, topics.control, topics.answers])
    unreadable.inc({ topic: name }, 0);
  const failures = metrics.counter({
    name: 'firebreak_publish_read_failures_total',
    help: 'Times that reading the log failed and was tried again.',
  });
  const subscribers = metrics.gauge({
    name: 'firebreak_publish_subscribers',
    help: 'Subscribers of the stream that are connected.',
  });
  const flushes = metrics.counter({
    name: 'firebreak_publish_flushes_total',
    help: 'Flushes sent to at least one subscriber.',
  });
  const writes = metrics.counter({
    name: 'firebreak_publish_writes_total',
    help: 'Writes to connections of subscribers by flushes.',
  });
  const sent = metrics.counter({
    name: 'firebreak_publish_sent_bytes_total',
    help: 'Bytes handed to the connections of subscribers by flushes.',
  });
  const age = metrics.histogram(
    {
      name: 'firebreak_publish_age_seconds',
      help: 'From the append of a flush’s oldest record to its last write.',
    },
    { buckets: latencyBuckets },
  );
  const resyncs = metrics.counter(
    { name: 'firebreak_publish_resyncs_total', help: 'Subscribers told to take a snapshot, by reason.' },
    ['reason'],
  );
  const snapshots = metrics.counter(
    { name: 'firebreak_publish_snapshots_total', help: 'Snapshots sent whole, by encoding.' },
    ['encoding'],
  );
  const broken = metrics.counter({
    name: 'firebreak_publish_snapshots_broken_total',
    help: 'Snapshots whose reader went away or stopped reading.',
  });
  return {
    recordRead: (topic, records) => read.inc({ topic }, records),
    recordUnreadable: (topic, partition, offset, detail) => {
      unreadable.inc({ topic });
      logger.error({ topic, partition, offset, detail }, 'A record cannot be published and was passed over.');
    },
    readingFailed: (error, againInMs) => {
      failures.inc();
      logger.warn({ error, againInMs }, 'Reading the log failed; the stream stands still until it succeeds.');
    },
    caughtUp: (rows, tookMs) => logger.info({ rows, tookMs }, 'The stream’s state is complete.'),
    flushed: (count, bytes, ageMs) => {
      flushes.inc();
      writes.inc(count);
      sent.inc(bytes);
      age.observe(ageMs / 1000);
    },
    subscribed: () => subscribers.inc(),
    unsubscribed: () => subscribers.dec(),
    resynced: (reason) => resyncs.inc({ reason }),
    snapshotTaken: (encoding, entries, tookMs) => {
      snapshots.inc({ encoding });
      logger.debug({ encoding, entries, tookMs }, 'A snapshot was sent.');
    },
    snapshotBroken: (detail) => {
      broken.inc();
      logger.debug({ detail }, 'A snapshot was not taken to its end.');
    },
  };
}
