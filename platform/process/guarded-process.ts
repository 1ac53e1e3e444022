import { spawn } from 'node:child_process';

/**
 * The shell between us and the server. Its standard input is a pipe that only we hold open: when it closes, on purpose
 * or because we were killed, the shell stops the server, first gently, then hard. It prints the server's process id,
 * then nothing, and ends as the server ended. A paused server is let go on, or it could not stop.
 */
const guardScript = `
ask=$1
patience=$2
force=$3
shift 3
exec 3<&0
"$@" 3<&- </dev/null >&2 &
server=$!
echo "$server"
{
  read -r _ <&3
  kill -"$ask" "$server"
  kill -CONT "$server"
  trap 'kill "$nap"; wait "$nap"; exit' TERM
  while [ "$patience" -gt 0 ]; do
    patience=$((patience - 1))
    sleep 1 &
    nap=$!
    wait "$nap"
    kill -0 "$server" || exit
  done
  kill -"$force" "$server"
} >/dev/null 2>&1 &
reader=$!
exec 3<&- 2>/dev/null
wait "$server"
status=$?
kill -TERM "$reader"
wait "$reader"
exit "$status"
`;

const keptLines = 40;

export interface GuardedCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Between the two signals when it is stopped. */
  readonly stopWithinSeconds: number;
  /** What asks it to stop and what makes it, SIGTERM and SIGKILL unless the server has others for that. */
  readonly stopSignals?: readonly [ask: 'TERM' | 'INT', force: 'KILL' | 'QUIT'];
  /** Whom root lends it to. */
  readonly user?: { readonly uid: number; readonly gid: number };
  readonly onLine?: (line: string) => void;
}

export interface GuardedProcess {
  /** Of the server, not of its guard. */
  readonly pid: number;
  /** Resolves when the server is gone, with its exit status as a shell tells it: 128 and the number of the signal. */
  readonly exited: Promise<number>;
  /** The last lines that it wrote to either output. */
  lines(): readonly string[];
  /** Does nothing when the server is gone. */
  kill(signal: NodeJS.Signals): void;
  /** Asks it to, and makes it when that was not enough; resolves when the server is gone. */
  stop(): Promise<void>;
}

/**
 * Starts a server that ends when this process ends, even by kill -9.
 * @throws Error when the shell does not start; a program that is missing ends with status 127 instead
 */
export async function spawnGuarded(command: GuardedCommand): Promise<GuardedProcess> {
  const [ask, force] = command.stopSignals ?? ['TERM', 'KILL'];
  const guard = spawn(
    '/bin/sh',
    [
      '-c',
      guardScript,
      'firebreak-server-guard',
      ask,
      String(command.stopWithinSeconds),
      force,
      command.program,
      ...command.args,
    ],
    {
      cwd: command.cwd,
      env: { ...command.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      // A session of its own: Ctrl-C in the terminal must reach us and not the server, which we stop last.
      detached: true,
      ...(command.user && { uid: command.user.uid, gid: command.user.gid }),
    },
  );
  const lines: string[] = [];
  let isGone = false;
  // Gone is when nobody holds the pipes any more, the server included: then all that it wrote has been read, too.
  const exited = new Promise<number>((resolve) => {
    guard.once('close', (status) => {
      isGone = true;
      resolve(status ?? 137);
    });
  });
  guard.stdin.on('error', () => undefined);
  // The guard may have been killed alone; closing the pipe lets its reader stop the server.
  guard.once('exit', () => guard.stdin.destroy());
  readLines(guard.stderr, (line) => {
    lines.push(line);
    if (lines.length > keptLines) lines.shift();
    command.onLine?.(line);
  });
  const pid = await new Promise<number>((resolve, reject) => {
    readLines(guard.stdout, (line) => resolve(Number(line)));
    guard.once('error', reject);
    guard.once('close', () => reject(new Error(`The guard of ${command.program} did not start it.`)));
  });
  return {
    pid,
    exited,
    lines: () => lines,
    kill: (signal) => {
      if (!isGone) sendSignal(pid, signal);
    },
    stop: async () => {
      guard.stdin.destroy();
      await exited;
    },
  };
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It has ended, and its guard is about to tell.
  }
}

function readLines(stream: NodeJS.ReadableStream, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) if (line.trim() !== '') take(line.trim());
  });
}
