import { toEpochMs } from '../../contracts/ids.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import { latencyBuckets, type Metrics } from '../../platform/telemetry/metrics.ts';
import type { DecisionEffects } from './decide-occasion.ts';
import type { Work } from './work.ts';

export interface CorrelateEvents {
  decided(work: Work, effects: DecisionEffects, nowMs: number): void;
  poisoned(topic: string, records: number): void;
  undecidable(work: Work, error: unknown): void;
  signalsAway(error: unknown): void;
  healed(partition: number): void;
  mended(entries: number): void;
  effectsDelayed(error: unknown): void;
  changelogWritten(artifacts: number): void;
  changelogDelayed(error: unknown): void;
  buried(entries: number): void;
}

export function createCorrelateEvents(logger: Logger, metrics: Metrics): CorrelateEvents {
  const joins = metrics.counter(
    { name: 'firebreak_correlate_joins_total', help: 'Reports decided, by why the join ended.' },
    ['end'],
  );
  const decisionSeconds = metrics.histogram(
    {
      name: 'firebreak_correlate_decision_seconds',
      help: 'From the acceptance of a report to its decision.',
    },
    { buckets: latencyBuckets },
  );
  const revisions = metrics.counter(
    {
      name: 'firebreak_correlate_revisions_total',
      help: 'Decisions after the first: late scores and findings.',
    },
    ['trigger'],
  );
  const verdicts = metrics.counter(
    {
      name: 'firebreak_correlate_verdicts_total',
      help: 'Entries and answers written, by verdict and reach.',
    },
    ['verdict', 'reach'],
  );
  const poison = metrics.counter(
    {
      name: 'firebreak_correlate_poison_total',
      help: 'Records that could not be read or decided and went to the dead letters.',
    },
    ['topic'],
  );
  const delays = metrics.counter(
    {
      name: 'firebreak_correlate_delays_total',
      help: 'Effects that had to be tried again, by what was away.',
    },
    ['away'],
  );
  const changelog = metrics.counter({
    name: 'firebreak_correlate_changelog_writes_total',
    help: 'States of artifacts written to the changelog.',
  });
  const buried = metrics.counter({
    name: 'firebreak_correlate_buried_total',
    help: 'Entries that ended so long ago that the log forgets them.',
  });
  const mended = metrics.counter({
    name: 'firebreak_correlate_mended_total',
    help: 'Entries written again because an earlier owner of the partition wrote after it was replaced.',
  });
  return {
    decided(work, { decisions, judgement }, nowMs) {
      if (work.kind === 'report') {
        joins.inc({ end: work.end });
        decisionSeconds.observe((nowMs - toEpochMs(work.join.report.acceptedAt)) / 1000);
      } else revisions.inc({ trigger: work.kind });
      for (const { verdict, reach, artifactKey, entryId, revision, probability } of decisions) {
        verdicts.inc({ verdict, reach });
        if (verdict === 'malicious')
          logger.info(
            { artifactKey, entryId, revision, reach, probability, reason: judgement.reason },
            'a block was decided',
          );
      }
    },
    poisoned(topic, records) {
      poison.inc({ topic }, records);
      logger.warn({ topic, records }, 'records could not be read; they lie in the dead letters');
    },
    undecidable(work, error) {
      poison.inc({ topic: work.kind });
      logger.error(
        { kind: work.kind, error },
        'a bug kept a record from being decided; it lies in the dead letters',
      );
    },
    signalsAway(error) {
      delays.inc({ away: 'signals' });
      logger.warn({ error }, 'the signals are away: deciding on each tenant’s own evidence');
    },
    healed(partition) {
      logger.info({ partition }, 'the signals are whole again: what was decided without them is read again');
    },
    mended(entries) {
      mended.inc(entries);
      logger.warn({ entries }, 'an earlier owner wrote after it was replaced; what stands was written again');
    },
    effectsDelayed(error) {
      delays.inc({ away: 'log' });
      logger.warn({ error }, 'decisions could not be written; trying again');
    },
    changelogWritten(artifacts) {
      changelog.inc(artifacts);
    },
    changelogDelayed(error) {
      delays.inc({ away: 'changelog' });
      logger.warn({ error }, 'the changelog could not be written; trying again');
    },
    buried(entries) {
      buried.inc(entries);
      logger.info({ entries }, 'entries that ended long ago were taken out of the log');
    },
  };
}

/** What a correlator holds, asked when the metrics are read. */
export interface CorrelateGauges {
  readonly owned: () => number;
  readonly degraded: () => number;
  readonly waiting: () => number;
}

export function watchCorrelate(metrics: Metrics, gauges: CorrelateGauges): void {
  const gauge = (name: string, help: string, read: () => number) =>
    metrics.gauge({ name, help }, { collect: (to) => to.set(read()) });
  gauge(
    'firebreak_correlate_owned_partitions',
    'Partitions of artifacts that this process decides.',
    gauges.owned,
  );
  gauge(
    'firebreak_correlate_degraded_partitions',
    'Owned partitions that decided without the signals, and have not made it up yet.',
    gauges.degraded,
  );
  gauge('firebreak_correlate_waiting', 'Work that waits for scores or for its decision.', gauges.waiting);
}
