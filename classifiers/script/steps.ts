/** @returns the result of work that comes in small steps, all of them at once */
export function finished<Result>(steps: Generator<undefined, Result, undefined>): Result {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}
