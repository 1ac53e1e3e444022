import { setTimeout as sleep } from 'node:timers/promises';

const pollMs = 50;

/** Resolves when so much of the input has been accepted. */
export async function untilProgress(progress: () => number, at: number): Promise<void> {
  while (progress() < at) await sleep(pollMs);
}
