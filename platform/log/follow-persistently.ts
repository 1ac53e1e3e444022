import { setTimeout as sleep } from 'node:timers/promises';
import type { FollowOptions, Log, Position } from './log.ts';

export interface PersistentFollowOptions extends Pick<FollowOptions, 'handle' | 'signal'> {
  readonly log: Pick<Log, 'follow'>;
  /** Where to go on, asked at the beginning and after every failure; what rejects here counts as one. */
  readonly from: () => Promise<readonly Position[]>;
  /** Every time that everything which stood in the partitions when following began has been handled. */
  readonly onReached: () => void;
  readonly onFailed: (error: unknown, againInMs: number) => void;
}

const firstPauseMs = 100;
const longestPauseMs = 5000;

/**
 * Follows until the signal aborts, then resolves. When reading fails it goes on after a pause, which doubles with every
 * failure and is short again once the ends were reached.
 */
export async function followPersistently(options: PersistentFollowOptions): Promise<void> {
  const { log, from, handle, onReached, onFailed, signal } = options;
  let pauseMs = firstPauseMs;
  while (!signal.aborted) {
    try {
      await log.follow({
        from: await from(),
        handle,
        onReached: () => {
          pauseMs = firstPauseMs;
          onReached();
        },
        signal,
      });
    } catch (error) {
      onFailed(error, pauseMs);
      await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
    }
  }
}
