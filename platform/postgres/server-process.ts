import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../../contracts/errors.ts';
import type { OsUser } from './os-user.ts';

/**
 * The shell between us and PostgreSQL. Its standard input is a pipe that only we hold open: when it closes, on
 * purpose or because we were killed, the shell stops the server, first gently, then hard. It prints the server's
 * process id, then nothing.
 */
const guardScript = `
exec 3<&0
"$@" 3<&- </dev/null >&2 &
server=$!
echo "$server"
{
  read -r _ <&3
  kill -INT "$server"
  trap 'kill "$nap"; wait "$nap"; exit' TERM
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    sleep 1 &
    nap=$!
    wait "$nap"
    kill -0 "$server" || exit
  done
  kill -QUIT "$server"
} >/dev/null 2>&1 &
reader=$!
exec 3<&- 2>/dev/null
wait "$server"
kill -TERM "$reader"
wait "$reader"
`;

const startRetryMs = 10_000;
const startPatienceMs = 120_000;
const pollMs = 15;
const keptLogLines = 40;

export interface ServerCommand {
  readonly postgres: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cluster: string;
  readonly user: OsUser | undefined;
}

export interface ServerProcess {
  readonly pid: number;
  /** Resolves when the server is gone, for whatever reason. */
  readonly exited: Promise<void>;
  /** The last lines that the server wrote. */
  log(): readonly string[];
  stop(): Promise<void>;
}

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
    const server = spawnServer(command);
    if (await isReady(server, command.cluster)) return server;
    await server.stop();
    if (!isHeldByPredecessor(server.log()) || Date.now() > giveUpAt) {
      const log = server.log().join(' | ') || 'it wrote nothing';
      throw new FirebreakError('FB_POSTGRES_START', `PostgreSQL in ${command.cluster} did not start: ${log}`);
    }
    await sleep(250);
  }
}

/** The server speaks English, whatever the locale. */
function isHeldByPredecessor(log: readonly string[]): boolean {
  return log.some((line) => /lock file|shared memory|Is another (?:postmaster|postgres)/i.test(line));
}

interface SpawnedServer extends Omit<ServerProcess, 'pid'> {
  /** 0 until the guard has told it. */
  readonly pid: number;
  readonly hasExited: boolean;
}

function spawnServer(command: ServerCommand): SpawnedServer {
  const guard = spawn(
    '/bin/sh',
    ['-c', guardScript, 'firebreak-postgres-guard', command.postgres, ...command.args],
    {
      cwd: '/',
      env: { ...command.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A session of its own: Ctrl-C in the terminal must reach us and not the server, which we stop last.
      detached: true,
      ...(command.user && { uid: command.user.uid, gid: command.user.gid }),
    },
  );
  const lines: string[] = [];
  const state = { pid: 0, hasExited: false };
  guard.stdin.on('error', () => undefined);
  guard.stdout.setEncoding('utf8').on('data', (text: string) => (state.pid ||= Number.parseInt(text, 10)));
  guard.stderr.setEncoding('utf8').on('data', (text: string) => keepLines(lines, text));
  // The guard may have been killed alone; closing the pipe lets its reader stop the server.
  guard.once('exit', () => guard.stdin.destroy());
  const exited = untilGone(guard).then(() => void (state.hasExited = true));
  return {
    get pid() {
      return state.pid;
    },
    get hasExited() {
      return state.hasExited;
    },
    exited,
    log: () => lines,
    stop: async () => {
      guard.stdin.destroy();
      await exited;
    },
  };
}

/** Gone is when nobody holds the pipes any more, the server included: then all that it wrote has been read, too. */
function untilGone(guard: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    guard.once('close', () => resolve());
    guard.once('error', () => resolve());
  });
}

function keepLines(lines: string[], text: string): void {
  for (const line of text.split('\n')) if (line.trim() !== '') lines.push(line.trim());
  if (lines.length > keptLogLines) lines.splice(0, lines.length - keptLogLines);
}

/** The last line of the lock file says whether connections are taken; the first must be our own child. */
async function isReady(server: SpawnedServer, cluster: string): Promise<boolean> {
  const giveUpAt = Date.now() + startPatienceMs;
  while (!server.hasExited && Date.now() < giveUpAt) {
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
