import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ConsumerGroup, Log } from '../../platform/log/log.ts';
import type { HostEvents } from './events.ts';

export interface LagWatchOptions {
  readonly log: Pick<Log, 'lag' | 'ends'>;
  readonly groups: readonly ConsumerGroup[];
  readonly events: Pick<HostEvents, 'lagged' | 'lagUnknown' | 'deadLettersCounted'>;
  readonly everyMs?: number;
}

/**
 * Asks the log now and then how far the groups of this process are behind. Not when the metrics are read: a log that
 * does not answer would then keep all of them back.
 */
export class LagWatch implements Part {
  readonly name = 'lag-watch';
  readonly #options: LagWatchOptions;
  #timer: NodeJS.Timeout | undefined;
  #asking: Promise<void> | undefined;

  constructor(options: LagWatchOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.#ask(), this.#options.everyMs ?? 10_000).unref();
    await this.#ask();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#asking;
  }

  /** One round at a time. */
  #ask(): Promise<void> {
    this.#asking ??= this.#look().finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    const { log, groups, events } = this.#options;
    try {
      const letters = await log.ends(topics.deadLetters.name);
      events.deadLettersCounted(letters.reduce((sum, end) => sum + end, 0));
      for (const { group, topics: names } of groups) {
        const lags = await log.lag(group, names);
        for (const name of names) {
          const records = lags.reduce((sum, { topic, lag }) => sum + (topic === name ? lag : 0), 0);
          events.lagged(group, name, records);
        }
      }
    } catch (error) {
      events.lagUnknown(
        groups.map(({ group }) => group),
        error,
      );
    }
  }
}
