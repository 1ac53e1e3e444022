import { isFirebreakError } from '../../contracts/errors.ts';
import type { ReportResult } from '../../contracts/http.ts';
import { topics } from '../../contracts/topics.ts';
import { latencyBuckets, type Metrics } from '../../platform/telemetry/metrics.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';

/** What the view is made of. */
export const followedTopics = [
  topics.verdicts,
  topics.answers,
  topics.control,
  topics.progress,
  topics.samples,
] as const;

/** What happens in ingest, counted and logged. */
export interface IngestEvents {
  /** One per request, after its answer is made. */
  answered(results: readonly ReportResult[], droppedFields: number): void;
  appended(reports: number, seconds: number): void;
  /** @param outcome of one held request */
  held(outcome: 'decided' | 'timed-out' | 'left' | 'full', seconds: number): void;
  enrolled(fresh: boolean): void;
  /** @param fresh false: the organization had sent it before */
  sampleTaken(fresh: boolean, sizeBytes: number): void;
  sampleRefused(error: unknown): void;
  viewCaughtUp(entries: number, tookMs: number): void;
  recordUnreadable(topic: string, partition: number, offset: number, detail: string): void;
  readingFailed(error: unknown, pauseMs: number): void;
}

/** What ingest holds, asked when the metrics are read. */
export interface IngestGauges {
  readonly waiters: () => number;
  readonly inflightBytes: () => number;
  readonly undecidedSeconds: () => number;
  readonly decidedEntries: () => number;
  readonly answers: () => number;
  readonly sentSamples: () => number;
}

export function createIngestEvents(metrics: Metrics, logger: Logger): IngestEvents {
  const reports = metrics.counter(
    { name: 'firebreak_ingest_reports_total', help: 'Reports by what they were answered.' },
    ['status'],
  );
  const rejected = metrics.counter(
    { name: 'firebreak_ingest_rejected_total', help: 'Rejected reports by error code.' },
    ['code'],
  );
  const dropped = metrics.counter({
    name: 'firebreak_ingest_dropped_fields_total',
    help: 'ECS keys that were not taken.',
  });
  const appendSeconds = metrics.histogram(
    {
      name: 'firebreak_ingest_append_seconds',
      help: 'From handing reports to the log to its acknowledgement.',
    },
    { buckets: latencyBuckets },
  );
  const heldSeconds = metrics.histogram(
    { name: 'firebreak_ingest_held_seconds', help: 'How long requests with `Prefer: wait` were held.' },
    { labels: ['outcome'], buckets: latencyBuckets },
  );
  const enrolled = metrics.counter(
    { name: 'firebreak_ingest_enrolments_total', help: 'Devices that enrolled, first or again.' },
    ['kind'],
  );
  const samples = metrics.counter(
    {
      name: 'firebreak_ingest_samples_total',
      help: 'Samples that were asked for, and what came: stored, sent before, or refused.',
    },
    ['outcome'],
  );
  for (const outcome of ['wanted', 'stored', 'repeated', 'refused']) samples.inc({ outcome }, 0);
  const sampleBytes = metrics.counter({
    name: 'firebreak_ingest_sample_bytes_total',
    help: 'Bytes of stored samples.',
  });
  const unreadable = metrics.counter(
    { name: 'firebreak_ingest_unreadable_records_total', help: 'Records that the view passed over.' },
    ['topic'],
  );
  // There from the start: the first one is an increase, too.
  for (const { name } of followedTopics) unreadable.inc({ topic: name }, 0);
  const readFailures = metrics.counter({
    name: 'firebreak_ingest_read_failures_total',
    help: 'Times that reading the log for the view failed and was tried again.',
  });
  return {
    answered: (results, droppedFields) => {
      const byStatus = new Map<string, number>();
      for (const { status, error, sample } of results) {
        if (sample?.wanted === true) samples.inc({ outcome: 'wanted' });
        byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
        if (error !== undefined) rejected.inc({ code: error.code });
      }
      for (const [status, count] of byStatus) reports.inc({ status }, count);
      if (droppedFields > 0) dropped.inc(droppedFields);
    },
    appended: (_reports, seconds) => appendSeconds.observe(seconds),
    held: (outcome, seconds) => heldSeconds.observe({ outcome }, seconds),
    enrolled: (fresh) => {
      enrolled.inc({ kind: fresh ? 'first' : 'again' });
      logger.info({ fresh }, 'a device enrolled');
    },
    sampleTaken: (fresh, sizeBytes) => {
      samples.inc({ outcome: fresh ? 'stored' : 'repeated' });
      if (fresh) sampleBytes.inc(sizeBytes);
    },
    sampleRefused: (error) => {
      samples.inc({ outcome: 'refused' });
      if (!isFirebreakError(error)) return;
      logger.info({ code: error.code, detail: error.message }, 'a sample was not taken');
    },
    viewCaughtUp: (entries, tookMs) => logger.info({ entries, tookMs }, 'the view of verdicts caught up'),
    recordUnreadable: (topic, partition, offset, detail) => {
      unreadable.inc({ topic });
      logger.error({ topic, partition, offset, detail }, 'a record cannot be read; the view passed over it');
    },
    readingFailed: (error, pauseMs) => {
      readFailures.inc();
      logger.warn({ error, pauseMs }, 'reading the log failed; it goes on from where it was');
    },
  };
}

export function watchIngest(metrics: Metrics, gauges: IngestGauges): void {
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.gauge({ name, help }, { collect: (to) => to.set(read()) });
  gauge('firebreak_ingest_waiters', 'Held reports that wait for a verdict.', gauges.waiters);
  gauge('firebreak_ingest_inflight_bytes', 'Reports on their way to the log.', gauges.inflightBytes);
  gauge(
    'firebreak_ingest_undecided_seconds',
    'Age of the oldest report taken here that waits for its decision.',
    gauges.undecidedSeconds,
  );
  gauge('firebreak_ingest_view_entries', 'Malicious and suspicious entries held.', gauges.decidedEntries);
  gauge('firebreak_ingest_view_answers', '“No threats found” answers held.', gauges.answers);
  gauge('firebreak_ingest_sent_samples', 'Samples that are not asked for again.', gauges.sentSamples);
}
