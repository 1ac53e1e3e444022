import type { Classifier } from '../../classifiers/classifier.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { Batch, Consumer } from '../../platform/log/log.ts';
import { parseBatch, type TopicLog } from '../../platform/log/topic-log.ts';
import type { ClassifyEvents } from './events.ts';
import { CachingScorer } from './score-reports.ts';
import { warmUp } from './warm-up.ts';

export interface ClassifierWorkerOptions {
  readonly log: TopicLog;
  readonly classifier: Classifier;
  readonly events: ClassifyEvents;
  readonly cacheEntries: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * One classifier as a consumer group of its own: it scales and fails apart from the others. Reports come in batches as
 * they queued while the last batch was scored; the offset follows once the scores are in the log.
 */
export class ClassifierWorker implements Part {
  readonly name: string;
  readonly #options: ClassifierWorkerOptions;
  readonly #scorer: CachingScorer;
  #consumer: Consumer | undefined;

  constructor(options: ClassifierWorkerOptions) {
    this.#options = options;
    this.name = `classify.${options.classifier.profile.id}`;
    this.#scorer = new CachingScorer(options.classifier, options.cacheEntries);
  }

  async start(): Promise<void> {
    await warmUp(this.#options.classifier);
    this.#consumer = await this.#options.log.log.consume({
      group: this.name,
      topics: [topics.reports.name],
      from: 'earliest',
      handle: (batch, consumer) => this.#handle(batch, consumer),
    });
  }

  async stop(): Promise<void> {
    await this.#consumer?.stop();
    await this.#options.classifier.close();
  }

  async #handle(batch: Batch, consumer: Consumer): Promise<void> {
    const { log, classifier, events, now } = this.#options;
    const { records, poison } = parseBatch(topics.reports, batch);
    if (poison.length > 0) {
      await log.bequeath(batch, this.name, poison, 'FB_RECORD_UNREADABLE');
      events.poisoned(this.name, poison.length);
    }
    const { accepts, id } = classifier.profile;
    const asked = records.flatMap(({ value, headers, offset }) =>
      value !== null && !value.historyOnly && accepts.includes(value.artifactKind)
        ? [{ report: value, headers, offset }]
        : [],
    );
    if (asked.length > 0) {
      const startedMs = now();
      const { scores, inferences } = await this.#scorer.score(
        asked.map(({ report }) => report),
        startedMs,
      );
      const placed = scores.map((score, index) => ({ ...score, reportOffset: asked[index]?.offset ?? 0 }));
      await log.append(topics.scores, placed, (index) => asked[index]?.headers ?? {});
      events.scored(id, scores, inferences);
    }
    const { topic, partition, end: offset } = batch;
    consumer
      .commit({ topic, partition, offset })
      .catch((error: unknown) => events.commitFailed(this.name, error));
  }
}
