import { setImmediate } from 'node:timers/promises';

/** The longest that the event loop waits for one turn, but for a step that takes longer by itself. */
const turnMs = 2;

/** Runs work that comes in small steps, and lets the event loop have its turn between them. */
export async function inTurns<Result>(steps: Generator<undefined, Result, undefined>): Promise<Result> {
  let turnEnds = performance.now() + turnMs;
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    if (performance.now() < turnEnds) continue;
    await setImmediate();
    turnEnds = performance.now() + turnMs;
  }
}
