const ticksOfPatience = 10;

/**
 * Counts the turns of a clock that stands still with the process: one that was paused, or had no processor for long, has
 * not waited for anybody.
 *
 * @returns null when the time is up before it has an answer
 */
export async function within<Value>(answer: Promise<Value>, ms: number): Promise<Value | null> {
  let ticks = 0;
  let clock: NodeJS.Timeout | undefined;
  const timeUp = new Promise<null>((resolve) => {
    clock = setInterval(() => {
      if ((ticks += 1) === ticksOfPatience) resolve(null);
    }, ms / ticksOfPatience);
  });
  try {
    return await Promise.race([answer, timeUp]);
  } finally {
    clearInterval(clock);
  }
}
