import { mkdirSync } from 'node:fs';
import { connect } from 'node:net';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './free-port.ts';
import { spawnGuarded, type GuardedProcess } from '../../platform/process/guarded-process.ts';
import { ensureProgram } from './install.ts';

export interface RedisOptions {
  /** Where the server keeps what it writes; created when absent, kept at stop. */
  readonly dataDir: string;
  /** A free one when left out. */
  readonly port?: number;
  /** Further arguments of redis-server, as in `['--appendonly', 'yes']`; they win over ours. */
  readonly args?: readonly string[];
}

export interface RedisServer {
  /** `redis://127.0.0.1:<port>` */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Resolves when the server is gone, with its exit status: 128 and the number of the signal where one ended it. */
  readonly exited: Promise<number>;
  /** SIGTERM, and SIGKILL when that was not enough; resolves when the server is gone. */
  stop(): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

const startPatienceMs = 20_000;
const pollMs = 10;

/**
 * Starts Debian's redis-server on the loopback interface and waits until it answers. It keeps nothing on disk unless
 * `args` say so, and ends when this process ends, even by kill -9.
 *
 * @throws Error with the last lines of the server's log
 */
export async function startRedis(options: RedisOptions): Promise<RedisServer> {
  await ensureProgram('redis-server', 'redis-server');
  const port = options.port ?? (await freePort());
  const dataDir = resolve(options.dataDir);
  mkdirSync(dataDir, { recursive: true });
  let isListening = false;
  const server = await spawnGuarded({
    program: 'redis-server',
    args: [...serverArguments(port, dataDir), ...(options.args ?? [])],
    cwd: dataDir,
    env: { PATH: process.env['PATH'] ?? '', LC_ALL: 'C' },
    stopWithinSeconds: 10,
    onLine: (line) => (isListening ||= line.includes('Ready to accept connections')),
  });
  // Asked only once ours listens: another server on the port would answer too.
  if (!(await isAnswering(server, port, () => isListening))) {
    await server.stop();
    throw new Error(`redis-server on port ${port} did not start: ${server.lines().join(' | ')}`);
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    pid: server.pid,
    exited: server.exited,
    stop: () => server.stop(),
    kill: (signal) => server.kill(signal),
  };
}

function serverArguments(port: number, dataDir: string): readonly string[] {
  return [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dataDir],
    // Signals are a view: its persistence is the changelog. `save ""` also keeps a stop from writing a snapshot.
    ...['--save', '', '--appendonly', 'no', '--daemonize', 'no', '--maxmemory-policy', 'noeviction'],
    // The hash of an artifact with a few facts lies in one flat list then: a quarter less memory.
    ...['--hash-max-ziplist-value', '256'],
  ];
}

async function isAnswering(
  server: GuardedProcess,
  port: number,
  isListening: () => boolean,
): Promise<boolean> {
  const giveUpAt = Date.now() + startPatienceMs;
  let hasExited = false;
  void server.exited.then(() => (hasExited = true));
  while (!hasExited && Date.now() < giveUpAt) {
    if (isListening() && (await answersPing(port))) return true;
    await sleep(pollMs);
  }
  return false;
}

/** A server that wants a password answers too. */
function answersPing(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('PING\r\n'));
    const end = (answered: boolean) => {
      socket.destroy();
      answer(answered);
    };
    socket.setTimeout(1000, () => end(false));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.once('data', (reply) => end(/^(?:\+PONG|-NOAUTH)/.test(reply.toString())));
  });
}
