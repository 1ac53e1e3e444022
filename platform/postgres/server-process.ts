import { existsSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../../contracts/errors.ts';
import { spawnGuarded, type GuardedProcess } from '../process/guarded-process.ts';
import type { OsUser } from './os-user.ts';

const startRetryMs = 10_000;
const startPatienceMs = 120_000;
const pollMs = 15;
const stopWithinSeconds = 15;

export interface ServerCommand {
  readonly postgres: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cluster: string;
  readonly user: OsUser | undefined;
}

export type ServerProcess = Pick<GuardedProcess, 'pid' | 'exited' | 'lines' | 'stop'>;

/**
 * Starts the server and waits until it takes connections. A predecessor that is still dying holds the folder for a
 * moment, so a start that fails for that reason is tried again for 10 s.
 *
 * @throws FB_POSTGRES_START with the last lines of the server's log
 */
export async function startServer(command: ServerCommand): Promise<ServerProcess> {
  const giveUpAt = Date.now() + startRetryMs;
  for (;;) {
    removeStaleLock(command.cluster);
    const server = await spawnServer(command);
    if (await isReady(server, command.cluster)) return server;
    await server.stop();
    if (!isHeldByPredecessor(server.lines()) || Date.now() > giveUpAt) {
      const log = server.lines().join(' | ') || 'it wrote nothing';
      throw new FirebreakError('FB_POSTGRES_START', `PostgreSQL in ${command.cluster} did not start: ${log}`);
    }
    await sleep(250);
  }
}

/** The server speaks English, whatever the locale. */
function isHeldByPredecessor(log: readonly string[]): boolean {
  return log.some((line) => /lock file|shared memory|Is another (?:postmaster|postgres)/i.test(line));
}

/** SIGINT stops PostgreSQL without waiting for its clients, SIGQUIT without writing anything. */
async function spawnServer({ postgres, args, env, user }: ServerCommand): Promise<GuardedProcess> {
  return spawnGuarded({
    program: postgres,
    args,
    cwd: '/',
    env,
    stopWithinSeconds,
    stopSignals: ['INT', 'QUIT'],
    ...(user && { user }),
  });
}

/** The last line of the lock file says whether connections are taken; the first must be our own child. */
async function isReady(server: ServerProcess, cluster: string): Promise<boolean> {
  const giveUpAt = Date.now() + startPatienceMs;
  let hasExited = false;
  void server.exited.then(() => (hasExited = true));
  while (!hasExited && Date.now() < giveUpAt) {
    const lock = readLock(cluster);
    if (lock !== undefined && lock.pid === server.pid && lock.status === 'ready') return true;
    await sleep(pollMs);
  }
  return false;
}

function readLock(cluster: string): { pid: number; status: string } | undefined {
  try {
    const lines = readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), status: (lines[7] ?? '').trim() };
  } catch {
    return undefined;
  }
}

/**
 * PostgreSQL takes a lock file for live when its process id is in use by anybody, which in a restarted container it
 * usually is. The folder is held by us, so a lock whose process is not a PostgreSQL in this folder is stale.
 */
function removeStaleLock(cluster: string): void {
  const lock = readLock(cluster);
  if (lock === undefined || !existsSync('/proc/self')) return;
  if (workingFolder(lock.pid) !== cluster) rmSync(join(cluster, 'postmaster.pid'), { force: true });
}

/** A process that we may not look into is not one that we started; a vanished one has no folder either. */
function workingFolder(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return undefined;
  }
}
