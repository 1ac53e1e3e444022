import type { Topic } from '../../contracts/topics.ts';
import type { Part } from '../lifecycle/part.ts';
import type { Batch } from './log.ts';
import { parseBatch, type PoisonRecord, type TopicLog, type TypedRecord } from './topic-log.ts';

export interface TopicFollowerOptions<Value> {
  readonly name: string;
  readonly log: TopicLog;
  readonly topic: Topic<Value>;
  /** `start` makes a view of all that the topic keeps; `end` sees only what comes. */
  readonly from: 'start' | 'end';
  readonly onRecords: (records: readonly TypedRecord<Value>[], batch: Batch) => void;
  /** Records that cannot be read: a view passes over them, whoever owns the topic's effects puts them into the dead letters. */
  readonly onPoison?: (poison: readonly PoisonRecord[]) => void;
}

/**
 * Keeps a view of one topic up to date, without a consumer group. `start` resolves once everything that stood in the
 * topic has been handled, so what starts after it sees a complete view.
 */
export class TopicFollower<Value> implements Part {
  readonly name: string;
  readonly #options: TopicFollowerOptions<Value>;
  readonly #abort = new AbortController();
  #following: Promise<void> = Promise.resolve();
  #unready: string | null;

  constructor(options: TopicFollowerOptions<Value>) {
    this.name = options.name;
    this.#options = options;
    this.#unready = `it has not read ${options.topic.name} to its end yet`;
  }

  async start(): Promise<void> {
    const { log, topic, from, onRecords, onPoison } = this.#options;
    const bounds = await log.log.bounds(topic.name);
    await new Promise<void>((resolve, reject) => {
      this.#following = log.log.follow({
        from: bounds.map(({ partition, start, end }) => ({
          topic: topic.name,
          partition,
          offset: from === 'start' ? start : end,
        })),
        signal: this.#abort.signal,
        handle: (batch) => {
          const { records, poison } = parseBatch(topic, batch);
          if (poison.length > 0) onPoison?.(poison);
          onRecords(records, batch);
        },
        onReached: () => {
          this.#unready = null;
          resolve();
        },
      });
      this.#following.catch((error: unknown) => {
        // A view that stands still answers wrongly for ever: nobody catches this, and the process ends.
        if (this.#unready === null) throw error;
        reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  async stop(): Promise<void> {
    this.#abort.abort();
    await this.#following.catch(() => undefined);
  }

  unready(): string | null {
    return this.#unready;
  }
}
