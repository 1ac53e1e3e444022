import { setTimeout as sleep } from 'node:timers/promises';
import { untilProgress } from './progress.ts';
import type { Fault } from './schedule.ts';

/** So many at a time: beyond that nothing would go on, and nothing would be tried. */
const mostAtOnce = 2;
const pollMs = 50;

export interface FaultsOptions {
  readonly faults: readonly Fault[];
  /** Does it; resolves when it is over. */
  readonly strike: (fault: Fault) => Promise<void>;
  /** Share of the input that is accepted. */
  readonly progress: () => number;
  readonly onFault: (fault: Fault) => void;
  readonly onFailed: (fault: Fault, error: unknown) => void;
}

/**
 * Lets the faults happen in their order, each when the input is so far and its target is not being hurt already. An outage
 * lasts as long as it lasts: the input is to wait for them, or the last faults would hurt nobody at work.
 */
export class Faults {
  readonly #options: FaultsOptions;
  #begun = 0;

  constructor(options: FaultsOptions) {
    this.#options = options;
  }

  /** Share of the input beyond which nothing more is to be sent for now: faults are due before that have not begun. */
  get inputLimit(): number {
    return this.#options.faults[this.#begun + mostAtOnce - 1]?.at ?? Infinity;
  }

  /** Resolves when all are over. */
  async run(): Promise<void> {
    const { faults, strike, progress, onFault, onFailed } = this.#options;
    const running = new Map<string, Promise<void>>();
    for (const fault of faults) {
      await untilProgress(progress, fault.at);
      const hurts = needed(fault);
      while (running.size >= mostAtOnce || hurts.some((target) => running.has(target))) await sleep(pollMs);
      this.#begun += 1;
      onFault(fault);
      const over = strike(fault)
        .catch((error: unknown) => onFailed(fault, error))
        .finally(() => running.delete(fault.target));
      running.set(fault.target, over);
    }
    await Promise.all(running.values());
  }
}

/** Nothing is appended while the broker is hurt, nor the broker hurt while something is appended. */
function needed({ target }: Fault): readonly string[] {
  return target === 'log' || target === 'kafka' ? ['log', 'kafka'] : [target];
}
