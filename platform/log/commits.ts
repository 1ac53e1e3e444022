import type { PartitionRef, Position } from './log.ts';
import { isRetryable, persist } from './persist.ts';

export interface CommitsOptions {
  /** One try. Resolves when the log has all of them. */
  readonly send: (positions: readonly Position[]) => Promise<void>;
  /** The log does not take them, and not because of a connection that broke unnoticed or a group that changes. */
  readonly onFailed: (error: unknown) => void;
  /** What does not pass by itself. */
  readonly onBroken: (error: unknown) => void;
}

/** The first failure tells nothing: the next try finds the connection, or the group, as they are now. */
const triesAtEnd = 2;

/**
 * What a consumer has settled and the log does not have yet: of each partition the newest position, never an older one.
 *
 *   noted ──sent──▶ taken
 *     └──not taken──▶ sent again after a pause that grows, with what was noted meanwhile
 *   noted ──`finish`──▶ sent for the last time        noted ──`drop`──▶ never sent
 */
export class Commits {
  readonly #options: CommitsOptions;
  readonly #noted = new Map<string, Position>();
  #sending: Promise<void> | undefined;
  /** The try that is under way. */
  #trying: Promise<void> = Promise.resolve();

  constructor(options: CommitsOptions) {
    this.#options = options;
  }

  note(position: Position): void {
    this.#noted.set(nameOf(position), position);
    this.#sending ??= this.#sendAll();
  }

  /** The partitions may be another member's already. */
  drop(partitions: readonly PartitionRef[]): void {
    for (const ref of partitions) this.#noted.delete(nameOf(ref));
  }

  /** Resolves when the log has what is noted of these partitions, or did not take it at the last. */
  async finish(partitions: readonly PartitionRef[]): Promise<void> {
    await this.#trying.catch(() => undefined);
    const last = partitions.flatMap((ref) => this.#noted.get(nameOf(ref)) ?? []);
    this.drop(partitions);
    for (let tries = 1; last.length > 0; tries += 1) {
      try {
        return await this.#options.send(last);
      } catch (error) {
        if (!isRetryable(error)) return this.#options.onBroken(error);
        if (tries === triesAtEnd) return this.#options.onFailed(error);
      }
    }
  }

  async #sendAll(): Promise<void> {
    let failures = 0;
    const onRetry = (error: unknown) => {
      failures += 1;
      if (failures > 1) this.#options.onFailed(error);
    };
    const isWanted = () => this.#noted.size > 0;
    try {
      // A tick for what the same turn of the event loop settles.
      await Promise.resolve();
      while (isWanted()) {
        failures = 0;
        await persist(() => (this.#trying = this.#sendNoted()), { isWanted, onRetry });
      }
    } catch (error) {
      this.#noted.clear();
      this.#options.onBroken(error);
    } finally {
      this.#sending = undefined;
    }
  }

  async #sendNoted(): Promise<void> {
    const sent = [...this.#noted.values()];
    if (sent.length > 0) await this.#options.send(sent);
    for (const position of sent)
      if (this.#noted.get(nameOf(position)) === position) this.#noted.delete(nameOf(position));
  }
}

function nameOf({ topic, partition }: PartitionRef): string {
  return `${topic}/${partition}`;
}
