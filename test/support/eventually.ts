import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until the question is answered with something else than null; the patience is generous, as a loaded machine is slow. */
export async function eventually<T>(
  ask: () => Promise<T | null> | T | null,
  patienceMs = 15_000,
): Promise<T> {
  const giveUpAt = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (Date.now() > giveUpAt) throw new Error(`No answer within ${patienceMs} ms.`);
    await sleep(10);
  }
}
