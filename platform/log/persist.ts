import { setTimeout as sleep } from 'node:timers/promises';
import { isFirebreakError } from '../../contracts/errors.ts';

const firstPauseMs = 100;
const usualLongestPauseMs = 2000;
const pollMs = 50;

export interface PersistOptions {
  /** False: nobody needs it any more, and the failure is forgotten. */
  readonly isWanted: () => boolean;
  readonly onRetry?: (error: unknown, againInMs: number) => void;
  /** What passes by itself; what the log says of itself where left out. */
  readonly isPassing?: (error: unknown) => boolean;
  readonly longestPauseMs?: number;
}

/** An operational error after which it is worth trying again. */
export function isRetryable(error: unknown): boolean {
  return isFirebreakError(error) && error.retryable;
}

/**
 * Tries again what fails because something is away (a retryable operational error), with pauses that double, until it is
 * done or not wanted any more. Rejects with everything else: that is a bug.
 *
 * @returns what it came to; null when it was given up
 */
export async function persist<Result>(
  attempt: () => Promise<Result> | Result,
  options: PersistOptions,
): Promise<Result | null> {
  const { isWanted, onRetry, isPassing = isRetryable, longestPauseMs = usualLongestPauseMs } = options;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isPassing(error)) throw error;
      if (!isWanted()) return null;
      onRetry?.(error, pauseMs);
    }
    for (let waitedMs = 0; waitedMs < pauseMs && isWanted(); waitedMs += pollMs) await sleep(pollMs);
    if (!isWanted()) return null;
  }
}
