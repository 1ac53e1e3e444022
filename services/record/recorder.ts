import type { Part } from '../../platform/lifecycle/part.ts';
import type { Batch, Consumer } from '../../platform/log/log.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { TopicWriter } from './history-writers.ts';
import { recordGroup } from './table-writer.ts';

export interface RecorderOptions {
  readonly log: TopicLog;
  /** One per topic. */
  readonly writers: readonly TopicWriter[];
}

/**
 * Writes topics to history, one consumer group for all of them. A partition's offset is committed when its batch is
 * written; a batch that its writer gave back, because we stop, is read again at the next start.
 */
export class Recorder implements Part {
  readonly name = recordGroup;
  readonly #options: RecorderOptions;
  #consumer: Consumer | undefined;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    const { log, writers } = this.#options;
    this.#consumer = await log.log.consume({
      group: recordGroup,
      topics: writers.map(({ topic }) => topic),
      from: 'earliest',
      handle: (batch, consumer) => this.#handle(batch, consumer),
    });
  }

  async stop(): Promise<void> {
    for (const writer of this.#options.writers) writer.stop();
    await this.#consumer?.stop();
  }

  async #handle(batch: Batch, consumer: Consumer): Promise<void> {
    const { topic, partition, end: offset } = batch;
    const writer = this.#options.writers.find((candidate) => candidate.topic === topic);
    if (writer === undefined) throw new Error(`Nothing is known about ${topic}.`);
    if (await writer.write(batch)) consumer.commit({ topic, partition, offset });
  }
}
