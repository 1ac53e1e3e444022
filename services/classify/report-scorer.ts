import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { Batch, Consumer } from '../../platform/log/log.ts';
import { parseBatch, type TopicLog } from '../../platform/log/topic-log.ts';
import type { ClassifyEvents } from './events.ts';
import type { LineUpScorer } from './line-up-scorer.ts';

/** The consumer group, and what lag and dead letters name. */
export const classifyGroup = 'classify';

export interface ReportScorerOptions {
  readonly log: TopicLog;
  readonly scorers: readonly LineUpScorer[];
  readonly events: Pick<ClassifyEvents, 'poisoned'>;
}

/**
 * Reads reports once and puts them to all classifiers side by side. Reports come in batches as they queued while the last
 * batch was scored; the offset follows once the scores of all are in the log. A classifier that does not answer in time
 * has failed, so none holds up the others for long.
 */
export class ReportScorer implements Part {
  readonly name = classifyGroup;
  readonly #options: ReportScorerOptions;
  #consumer: Consumer | undefined;

  constructor(options: ReportScorerOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#consumer = await this.#options.log.log.consume({
      group: classifyGroup,
      topics: [topics.reports.name],
      from: 'earliest',
      handle: (batch, consumer) => this.#handle(batch, consumer),
    });
  }

  async stop(): Promise<void> {
    await this.#consumer?.stop();
    await Promise.all(this.#options.scorers.map((scorer) => scorer.stop()));
  }

  async #handle(batch: Batch, consumer: Consumer): Promise<void> {
    const { log, scorers, events } = this.#options;
    const { records, poison } = parseBatch(topics.reports, batch);
    if (poison.length > 0) {
      await log.bequeath(batch, classifyGroup, poison, 'FB_RECORD_UNREADABLE');
      events.poisoned(classifyGroup, poison.length);
    }
    await Promise.all(scorers.map((scorer) => scorer.score(records)));
    const { topic, partition, end: offset } = batch;
    consumer.commit({ topic, partition, offset });
  }
}
