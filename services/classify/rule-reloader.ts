import { setTimeout as sleep } from 'node:timers/promises';
import type { RulesClassifier } from '../../classifiers/rules/classifier.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ClassifyEvents } from './events.ts';

export interface RuleReloaderOptions {
  readonly rules: Pick<RulesClassifier, 'reload' | 'loaded'>;
  readonly events: Pick<ClassifyEvents, 'rulesLoaded' | 'rulesNotLoaded'>;
  readonly everyMs: number;
}

/**
 * Puts changed rule files in force while the service runs. It looks at the files instead of being told, because mounted
 * folders and replaced links tell nobody. A folder that cannot be read leaves the rules as they were.
 */
export class RuleReloader implements Part {
  readonly name = 'classify.rules';
  readonly #options: RuleReloaderOptions;
  readonly #stopping = new AbortController();
  #looking: Promise<void> = Promise.resolve();
  /** What was told last, so that one mistake is one line in the log. */
  #told = '';

  constructor(options: RuleReloaderOptions) {
    this.#options = options;
  }

  start(): Promise<void> {
    const { rules, events } = this.#options;
    events.rulesLoaded(rules.loaded);
    this.#looking = this.#look();
    return Promise.resolve();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#looking;
  }

  async #look(): Promise<void> {
    const { rules, events, everyMs } = this.#options;
    const { signal } = this.#stopping;
    for (;;) {
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      try {
        if (await rules.reload()) events.rulesLoaded(rules.loaded);
        this.#told = '';
      } catch (error) {
        const text = String(error);
        if (text !== this.#told) events.rulesNotLoaded(error);
        this.#told = text;
      }
    }
  }
}
