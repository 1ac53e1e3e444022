import { setTimeout as sleep } from 'node:timers/promises';
import { isFirebreakError } from '../../contracts/errors.ts';

const firstPauseMs = 100;
const longestPauseMs = 2000;
const pollMs = 50;

export interface PersistOptions {
  /** False: nobody needs it any more, and the failure is forgotten. */
  readonly isWanted: () => boolean;
  readonly onRetry?: (error: unknown) => void;
}

/**
 * Tries again what fails because something is away (a retryable operational error), with pauses that double, until it is
 * done or not wanted any more. Rejects with everything else: that is a bug.
 */
export async function persist(
  attempt: () => Promise<void> | void | undefined,
  { isWanted, onRetry }: PersistOptions,
): Promise<void> {
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
    try {
      await attempt();
      return;
    } catch (error) {
      if (!isFirebreakError(error) || !error.retryable) throw error;
      if (!isWanted()) return;
      onRetry?.(error);
    }
    for (let waitedMs = 0; waitedMs < pauseMs && isWanted(); waitedMs += pollMs) await sleep(pollMs);
    if (!isWanted()) return;
  }
}
