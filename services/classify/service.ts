import type { Classifier } from '../../classifiers/classifier.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ConsumerGroup } from '../../platform/log/log.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { ClassifierWorker } from './classifier-worker.ts';
import type { ClassifyEvents } from './events.ts';

export interface ClassifyDependencies {
  readonly log: TopicLog;
  readonly classifiers: readonly Classifier[];
  readonly events: ClassifyEvents;
}

/** Answers that each classifier remembers: some megabytes, and an outbreak repeats far fewer inputs. */
const cacheEntries = 10_000;

/** @returns one worker per classifier, each a consumer group of its own; they share nothing but the log */
export function createClassify({ log, classifiers, events }: ClassifyDependencies): {
  readonly parts: readonly Part[];
  readonly groups: readonly ConsumerGroup[];
} {
  const parts = classifiers.map(
    (classifier) => new ClassifierWorker({ log, classifier, events, cacheEntries, now: Date.now }),
  );
  return { parts, groups: parts.map(({ name }) => ({ group: name, topics: [topics.reports.name] })) };
}
