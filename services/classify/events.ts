import { listsInForce, type LoadedLists } from '../../classifiers/network/lists.ts';
import type { LoadedRules } from '../../classifiers/rules/load-rules.ts';
import type { ClassifierScore } from '../../contracts/score.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';

export interface ClassifyEvents {
  /** @param scores one for each report, in order */
  scored(
    classifier: string,
    reports: readonly AcceptedReport[],
    scores: readonly ClassifierScore[],
    inferences: number,
  ): void;
  /** A classifier did not answer in time: it has failed, about these reports and those that come until it does. */
  late(classifier: string, reports: number, afterMs: number): void;
  poisoned(group: string, records: number): void;
  /** At start, and whenever changed files were put in force. */
  rulesLoaded(loaded: LoadedRules): void;
  /** The folders could not be read; the rules are as they were. */
  rulesNotLoaded(error: unknown): void;
  /** The same of reputation lists. */
  listsLoaded(loaded: LoadedLists): void;
  listsNotLoaded(error: unknown): void;
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
  const simulated = metrics.counter(
    {
      name: 'firebreak_classify_simulated_findings_total',
      help: 'Findings of rules that are only tried, which changed no score.',
    },
    ['classifier', 'level'],
  );
  const rules = metrics.gauge(
    {
      name: 'firebreak_classify_rules',
      help: 'Rules and correlations in force, those that are only tried, and documents that cannot be used.',
    },
    { labels: ['state'] },
  );
  const reloads = metrics.counter(
    {
      name: 'firebreak_classify_rule_loads_total',
      help: 'Times that rule files were put in force, and times that their folders could not be read.',
    },
    ['outcome'],
  );
  const reputation = metrics.gauge(
    {
      name: 'firebreak_classify_lists',
      help: 'Reputation lists in force and those that have expired, and lines that cannot be used.',
    },
    { labels: ['state'] },
  );
  return {
    scored(classifier, reports, scores, computed) {
      for (const { result } of scores) answers.inc({ classifier, outcome: result.outcome });
      inferences.inc({ classifier }, computed);
      for (const { result } of scores) {
        if (result.outcome !== 'score') continue;
        for (const { simulated: isTried, level } of result.evidence)
          if (isTried === true) simulated.inc({ classifier, level: level ?? 'none' });
      }
      const failed = scores.findIndex(({ result }) => result.outcome === 'failed');
      if (failed !== -1)
        logger.warn(
          { classifier, reportId: reports[failed]?.report.id, result: scores[failed]?.result },
          'a classifier failed on an input',
        );
    },
    late(classifier, reports, afterMs) {
      logger.error(
        { classifier, reports, afterMs },
        'a classifier does not answer; decisions go on without it',
      );
    },
    poisoned(group, records) {
      poison.inc({ group }, records);
      logger.warn({ group, records }, 'records could not be read; they lie in the dead letters');
    },
    rulesLoaded(loaded) {
      const all = loaded.rules.length + loaded.correlations.length;
      rules.set({ state: 'enforced' }, all - loaded.simulated.size);
      rules.set({ state: 'simulated' }, loaded.simulated.size);
      rules.set({ state: 'rejected' }, loaded.rejected.length);
      reloads.inc({ outcome: 'loaded' });
      for (const rejected of loaded.rejected) logger.warn({ rejected }, 'a rule cannot be used');
      const { size } = loaded.simulated;
      logger.info({ rules: all, simulated: size, files: loaded.files }, 'rules are in force');
    },
    listsLoaded({ lists, rejected }) {
      const { inForce, expired } = countLists(lists, Date.now());
      reputation.set({ state: 'in-force' }, inForce);
      reputation.set({ state: 'expired' }, expired);
      reputation.set({ state: 'rejected' }, rejected.length);
      for (const line of rejected)
        logger.warn({ rejected: line }, 'a line of a reputation list cannot be used');
      if (lists.length > 0) logger.info({ lists: inForce, expired }, 'reputation lists are in force');
    },
    listsNotLoaded(error) {
      logger.error({ error }, 'changed reputation lists cannot be read; those before stay in force');
    },
    rulesNotLoaded(error) {
      reloads.inc({ outcome: 'failed' });
      logger.error({ error }, 'changed rules cannot be read; those before stay in force');
    },
  };
}

function countLists(lists: LoadedLists['lists'], nowMs: number) {
  const inForce = listsInForce({ lists }, nowMs).length;
  return { inForce, expired: lists.length - inForce };
}
