import type { TopicLog } from '../../platform/log/topic-log.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { SampleVault } from '../../platform/samples/sample-vault.ts';
import type { AnalyseEvents } from './events.ts';

export interface SampleKeeperOptions {
  readonly log: Pick<TopicLog, 'append'>;
  readonly vault: Pick<SampleVault, 'expire' | 'owed' | 'announced' | 'rewrap'>;
  readonly events: Pick<AnalyseEvents, 'kept' | 'keepingFailed'>;
}

const everyMs = 10_000;

/**
 * Keeps the store in order: deletes what has expired or never became whole, tells the log of samples that whoever stored
 * them did not live to tell of, and wraps keys by the one in use. Several instances may do so at a time.
 */
export class SampleKeeper implements Part {
  readonly name = 'analyse.keeper';
  readonly #options: SampleKeeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #round: Promise<void> | null = null;

  constructor(options: SampleKeeperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.keep(), everyMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#round;
  }

  /** One round at a time; a failed one is followed by the next. */
  keep(): Promise<void> {
    this.#round ??= this.#keep()
      .catch((error: unknown) => this.#options.events.keepingFailed(error))
      .finally(() => (this.#round = null));
    return this.#round;
  }

  async #keep(): Promise<void> {
    const { log, vault, events } = this.#options;
    const owed = await vault.owed();
    await log.append(topics.samples, owed);
    for (const { tenantId, sampleId } of owed) await vault.announced(tenantId, sampleId);
    const { rewrapped } = await vault.rewrap();
    events.kept({ ...(await vault.expire()), announced: owed.length, rewrapped });
  }
}
