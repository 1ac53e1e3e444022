import { setTimeout as sleep } from 'node:timers/promises';
import type { Subject } from './subject.ts';

const pollMs = 1_000;
const calmPolls = 3;

/**
 * Waits until everything is ready, nothing is left to do, and whatever else is asked for holds, several times in turn. When
 * the patience ends it returns all the same: the checks say what is missing.
 */
export async function settle(
  subject: Pick<Subject, 'unready' | 'lag'>,
  patienceMs: number,
  also: () => Promise<boolean>,
): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (let calm = 0; calm < calmPolls && performance.now() < giveUpAt;) {
    calm = (await isCalm(subject, also)) ? calm + 1 : 0;
    await sleep(pollMs);
  }
}

async function isCalm(
  subject: Pick<Subject, 'unready' | 'lag'>,
  also: () => Promise<boolean>,
): Promise<boolean> {
  try {
    return (await subject.unready()).length === 0 && (await subject.lag()) === 0 && (await also());
  } catch {
    // Something is away still.
    return false;
  }
}
