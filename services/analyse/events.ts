import type { ClassifierOutcome } from '../../classifiers/classifier.ts';
import type { YaraRulesInForce } from '../../classifiers/content/analyser.ts';
import type { SampleId } from '../../contracts/ids.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';

/** What becomes of samples, each as one function that moves the counter and writes the line. */
export interface AnalyseEvents {
  analysed(sampleId: SampleId, outcome: ClassifierOutcome, seconds: number): void;
  /** It was deleted, or it is done: there is nothing to do. */
  passedOver(): void;
  /** Its bytes cannot be decrypted; its record lies in the dead letters. */
  unreadable(sampleId: SampleId, error: unknown): void;
  poisoned(records: number): void;
  /** Something is away; it is tried again. */
  delayed(error: unknown): void;
  /** At start and whenever changed files are in force. */
  rulesLoaded(loaded: YaraRulesInForce): void;
  /** The folders could not be read; the rules are as they were. */
  rulesNotLoaded(error: unknown): void;
  kept(done: KeeperRound): void;
  keepingFailed(error: unknown): void;
}

/** What one round of the keeper did. */
export interface KeeperRound {
  readonly expired: number;
  readonly abandoned: number;
  readonly announced: number;
  readonly rewrapped: number;
}

export function createAnalyseEvents(logger: Logger, metrics: Metrics): AnalyseEvents {
  const samples = metrics.counter(
    {
      name: 'firebreak_analyse_samples_total',
      help: 'Samples by what the analyser said; failed and unreadable are evidence that is missing.',
    },
    ['outcome'],
  );
  for (const outcome of ['score', 'abstained', 'failed', 'passed-over', 'unreadable'])
    samples.inc({ outcome }, 0);
  const seconds = metrics.histogram(
    { name: 'firebreak_analyse_seconds', help: 'How long the analyser took for a sample.' },
    { buckets: [0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30] },
  );
  const poison = metrics.counter({
    name: 'firebreak_analyse_poison_total',
    help: 'Records that could not be read and went to the dead letters.',
  });
  const rules = metrics.gauge(
    {
      name: 'firebreak_analyse_rules',
      help: 'YARA rules for samples that are in force, and those that cannot be used.',
    },
    { labels: ['state'] },
  );
  const kept = metrics.counter(
    {
      name: 'firebreak_analyse_kept_total',
      help: 'Samples that expired, uploads that never became whole, samples told to the log late, and keys wrapped anew.',
    },
    ['what'],
  );
  const keepingFailures = metrics.counter({
    name: 'firebreak_analyse_keeping_failures_total',
    help: 'Rounds in which the store was not put in order, so that what has expired waits; each is tried again.',
  });
  return {
    analysed: (sampleId, outcome, took) => {
      samples.inc({ outcome: outcome.outcome });
      seconds.observe(took);
      if (outcome.outcome === 'failed')
        logger.warn({ sampleId, reason: outcome.reason }, 'the analyser gave up a sample');
    },
    passedOver: () => samples.inc({ outcome: 'passed-over' }),
    unreadable: (sampleId, error) => {
      samples.inc({ outcome: 'unreadable' });
      logger.error({ sampleId, error }, 'a sample cannot be decrypted; it lies in the dead letters');
    },
    poisoned: (records) => {
      poison.inc(records);
      logger.warn({ records }, 'records could not be read; they lie in the dead letters');
    },
    delayed: (error) => logger.warn({ error }, 'samples wait for what is away'),
    rulesLoaded: ({ rules: count, files, rejected }) => {
      rules.set({ state: 'in-force' }, count);
      rules.set({ state: 'rejected' }, rejected.length);
      for (const rule of rejected) logger.warn({ rejected: rule }, 'a rule for samples cannot be used');
      logger.info({ rules: count, files }, 'rules for samples are in force');
    },
    rulesNotLoaded: (error) =>
      logger.error({ error }, 'changed rules for samples cannot be read; those before stay in force'),
    kept: (done) => {
      for (const [what, count] of Object.entries(done)) if (count > 0) kept.inc({ what }, count as number);
    },
    keepingFailed: (error) => {
      keepingFailures.inc();
      logger.warn({ error }, 'expired samples wait for the next round');
    },
  };
}
