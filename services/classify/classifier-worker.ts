import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { Batch, Consumer } from '../../platform/log/log.ts';
import { parseBatch, type TopicLog } from '../../platform/log/topic-log.ts';
import type { ClassifyEvents } from './events.ts';
import type { LineUp } from './line-up.ts';
import { Shadow } from './shadow.ts';
import type { VersionEvents } from './version-events.ts';

export interface ClassifierWorkerOptions {
  readonly log: TopicLog;
  readonly lineUp: LineUp;
  readonly events: ClassifyEvents & VersionEvents;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

/**
 * One classifier as a consumer group of its own: it scales and fails apart from the others. Reports come in batches as
 * they queued while the last batch was scored; the offset follows once the scores are in the log. Challengers come after
 * that.
 */
export class ClassifierWorker implements Part {
  readonly name: string;
  readonly #options: ClassifierWorkerOptions;
  readonly #shadow: Shadow;
  #consumer: Consumer | undefined;

  constructor(options: ClassifierWorkerOptions) {
    this.#options = options;
    this.name = `classify.${options.lineUp.profile.id}`;
    this.#shadow = new Shadow(options);
  }

  async start(): Promise<void> {
    this.#consumer = await this.#options.log.log.consume({
      group: this.name,
      topics: [topics.reports.name],
      from: 'earliest',
      handle: (batch, consumer) => this.#handle(batch, consumer),
    });
  }

  async stop(): Promise<void> {
    await this.#consumer?.stop();
    await this.#shadow.stop();
  }

  async #handle(batch: Batch, consumer: Consumer): Promise<void> {
    const { log, lineUp, events, now } = this.#options;
    const { records, poison } = parseBatch(topics.reports, batch);
    if (poison.length > 0) {
      await log.bequeath(batch, this.name, poison, 'FB_RECORD_UNREADABLE');
      events.poisoned(this.name, poison.length);
    }
    const { accepts, id } = lineUp.profile;
    const asked = records.flatMap(({ value, headers, offset }) =>
      value !== null && !value.historyOnly && accepts.includes(value.artifactKind)
        ? [{ report: value, headers, offset }]
        : [],
    );
    if (asked.length > 0) {
      const startedMs = now();
      const reports = asked.map(({ report }) => report);
      const { scores, inferences } = await lineUp.champion.score(reports, startedMs);
      const placed = scores.map((score, index) => ({ ...score, reportOffset: asked[index]?.offset ?? 0 }));
      await log.append(topics.scores, placed, (index) => asked[index]?.headers ?? {});
      events.scored(id, scores, inferences);
      this.#shadow.offer(reports, scores);
    }
    const { topic, partition, end: offset } = batch;
    consumer
      .commit({ topic, partition, offset })
      .catch((error: unknown) => events.commitFailed(this.name, error));
  }
}
