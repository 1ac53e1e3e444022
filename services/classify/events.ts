import type { Score } from '../../contracts/score.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';

export interface ClassifyEvents {
  scored(classifier: string, scores: readonly Score[], inferences: number): void;
  poisoned(group: string, records: number): void;
  commitFailed(group: string, error: unknown): void;
  workerFailed(group: string, error: unknown): void;
}

export function createClassifyEvents(logger: Logger, metrics: Metrics): ClassifyEvents {
  const answers = metrics.counter(
    { name: 'firebreak_classify_answers_total', help: 'Answers of classifiers by outcome.' },
    ['classifier', 'outcome'],
  );
  const inferences = metrics.counter(
    {
      name: 'firebreak_classify_inferences_total',
      help: 'Inputs that were really computed; the rest came from the cache.',
    },
    ['classifier'],
  );
  const poison = metrics.counter(
    {
      name: 'firebreak_classify_poison_total',
      help: 'Records that could not be read and went to the dead letters.',
    },
    ['group'],
  );
  return {
    scored(classifier, scores, computed) {
      for (const { result } of scores) answers.inc({ classifier, outcome: result.outcome });
      inferences.inc({ classifier }, computed);
      const failed = scores.find(({ result }) => result.outcome === 'failed');
      if (failed !== undefined)
        logger.warn(
          { classifier, reportId: failed.reportId, result: failed.result },
          'a classifier failed on an input',
        );
    },
    poisoned(group, records) {
      poison.inc({ group }, records);
      logger.warn({ group, records }, 'records could not be read; they lie in the dead letters');
    },
    commitFailed(group, error) {
      logger.warn({ group, error }, 'an offset was not committed; the next commit covers it');
    },
    workerFailed(group, error) {
      logger.error({ group, error }, 'a classifier worker stopped after a bug; restart the process');
    },
  };
}
