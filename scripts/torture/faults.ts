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

/** Lets the faults happen in their order, each when the input is so far and its target is not being hurt already. */
export async function runFaults(options: FaultsOptions): Promise<void> {
  const running = new Map<string, Promise<void>>();
  for (const fault of options.faults) {
    await untilProgress(options.progress, fault.at);
    const hurts = needed(fault);
    while (running.size >= mostAtOnce || hurts.some((target) => running.has(target))) await sleep(pollMs);
    options.onFault(fault);
    const over = options
      .strike(fault)
      .catch((error: unknown) => options.onFailed(fault, error))
      .finally(() => running.delete(fault.target));
    running.set(fault.target, over);
  }
  await Promise.all(running.values());
}

/** What is emptied or appended to must run. */
function needed({ kind, target }: Fault): readonly string[] {
  return kind === 'repeat' ? [target, 'kafka'] : [target];
}
