import type { Classifier } from '../../classifiers/classifier.ts';
import type { NetworkClassifier } from '../../classifiers/network/classifier.ts';
import type { RulesClassifier } from '../../classifiers/rules/classifier.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ConsumerGroup } from '../../platform/log/log.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { ClassifierWorker } from './classifier-worker.ts';
import type { ClassifyEvents } from './events.ts';
import { FolderReloader } from './folder-reloader.ts';

export interface ClassifyDependencies {
  readonly log: TopicLog;
  readonly classifiers: readonly Classifier[];
  /** Among them, for rules that change while it runs. */
  readonly rules: Pick<RulesClassifier, 'reload' | 'loaded'>;
  /** The same for reputation lists. */
  readonly network: Pick<NetworkClassifier, 'reload' | 'loaded'>;
  readonly events: ClassifyEvents;
}

/** Answers that each classifier remembers: some megabytes, and an outbreak repeats far fewer inputs. */
const cacheEntries = 10_000;
/** A rule or a list is in force after so long at the most, and looking at three thousand files costs little of it. */
const reloadMs = 10_000;

/** @returns one worker per classifier, each a consumer group of its own, which share nothing but the log, and what keeps rules and lists up to date */
export function createClassify({ log, classifiers, rules, network, events }: ClassifyDependencies): {
  readonly parts: readonly Part[];
  readonly groups: readonly ConsumerGroup[];
} {
  const workers = classifiers.map(
    (classifier) => new ClassifierWorker({ log, classifier, events, cacheEntries, now: Date.now }),
  );
  return {
    parts: [
      new FolderReloader({
        ...{ name: 'classify.rules', source: rules, everyMs: reloadMs },
        tell: {
          loaded: (loaded) => events.rulesLoaded(loaded),
          notLoaded: (error) => events.rulesNotLoaded(error),
        },
      }),
      new FolderReloader({
        ...{ name: 'classify.lists', source: network, everyMs: reloadMs },
        tell: {
          loaded: (loaded) => events.listsLoaded(loaded),
          notLoaded: (error) => events.listsNotLoaded(error),
        },
      }),
      ...workers,
    ],
    groups: workers.map(({ name }) => ({ group: name, topics: [topics.reports.name] })),
  };
}
