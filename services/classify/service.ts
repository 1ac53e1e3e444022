import type { Classifier } from '../../classifiers/classifier.ts';
import type { RulesClassifier } from '../../classifiers/rules/classifier.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ConsumerGroup } from '../../platform/log/log.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { ClassifierWorker } from './classifier-worker.ts';
import type { ClassifyEvents } from './events.ts';
import { RuleReloader } from './rule-reloader.ts';

export interface ClassifyDependencies {
  readonly log: TopicLog;
  readonly classifiers: readonly Classifier[];
  /** Among them, for rules that change while it runs. */
  readonly rules: Pick<RulesClassifier, 'reload' | 'loaded'>;
  readonly events: ClassifyEvents;
}

/** Answers that each classifier remembers: some megabytes, and an outbreak repeats far fewer inputs. */
const cacheEntries = 10_000;
/** A rule is in force after so long at the most, and looking at three thousand files costs little of it. */
const reloadMs = 10_000;

/** @returns one worker per classifier, each a consumer group of its own, which share nothing but the log, and what keeps the rules up to date */
export function createClassify({ log, classifiers, rules, events }: ClassifyDependencies): {
  readonly parts: readonly Part[];
  readonly groups: readonly ConsumerGroup[];
} {
  const workers = classifiers.map(
    (classifier) => new ClassifierWorker({ log, classifier, events, cacheEntries, now: Date.now }),
  );
  return {
    parts: [new RuleReloader({ rules, events, everyMs: reloadMs }), ...workers],
    groups: workers.map(({ name }) => ({ group: name, topics: [topics.reports.name] })),
  };
}
