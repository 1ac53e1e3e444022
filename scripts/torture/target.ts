import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './schedule.ts';

/** What can be killed and paused. */
export interface Target {
  /** SIGKILL; resolves when it runs again. @param awayMs until it is started again, where that is ours to do */
  kill(awayMs: number): Promise<void>;
  /** SIGSTOP, and SIGCONT after a while. */
  pause(forMs: number): Promise<void>;
}

export async function strikeTarget(
  target: Target | undefined,
  { kind, forMs }: Pick<Fault, 'kind' | 'forMs'>,
): Promise<void> {
  if (target === undefined || (kind !== 'kill' && kind !== 'pause'))
    throw new RangeError('There is no such target.');
  await (kind === 'kill' ? target.kill(forMs) : target.pause(forMs));
}

export async function pauseAll(pids: readonly number[], forMs: number): Promise<void> {
  sendAll(pids, 'SIGSTOP');
  await sleep(forMs);
  sendAll(pids, 'SIGCONT');
}

export function sendAll(pids: readonly number[], signal: NodeJS.Signals | 0): boolean {
  let reached = false;
  for (const pid of pids) {
    try {
      reached = process.kill(pid, signal) || reached;
    } catch {
      // It has ended meanwhile.
    }
  }
  return reached;
}
