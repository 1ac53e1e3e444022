import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { openSync, readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../servers/free-port.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const startsWithinMs = 120_000;
const stopsWithinMs = 20_000;
const usualPort = 8080;

export interface ServiceProcess {
  readonly baseUrl: string;
  readonly operatorToken: string;
  readonly folder: string;
  /** From the start of the process until it was ready. */
  readonly startedInMs: number;
  /** Ends the process and removes its data. */
  stop(): Promise<void>;
}

/**
 * Starts what `npm start` starts, as a process of its own, on a data folder of its own that is removed at the end, so
 * that nothing is known when the demo begins. Takes port 8080 where it is free.
 * @throws Error with the end of the service's output when it does not become ready
 */
export async function startService(): Promise<ServiceProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'firebreak-demo-'));
  // Root starts PostgreSQL as another user, who must get through to the data below.
  await chmod(folder, 0o711);
  const port = await freePort(usualPort);
  const baseUrl = `http://127.0.0.1:${port}`;
  const operatorToken = `fbo_${randomBytes(32).toString('base64url')}`;
  const logPath = join(folder, 'service.log');
  const log = openSync(logPath, 'a');
  const startedMs = performance.now();
  const child = spawn(process.execPath, ['--import', 'tsx', 'services/all-in-one/main.ts'], {
    cwd: root,
    env: {
      ...process.env,
      FIREBREAK_DATA_DIR: join(folder, 'data'),
      FIREBREAK_HTTP_HOST: '127.0.0.1',
      FIREBREAK_HTTP_PORT: String(port),
      FIREBREAK_OPERATOR_TOKEN: operatorToken,
    },
    stdio: ['ignore', log, log],
    // Ctrl-C at the terminal is for the demo, which then ends the service in order.
    detached: true,
  });
  const killNow = () => child.kill('SIGKILL');
  process.once('exit', killNow);
  const stop = async () => {
    await endProcess(child);
    process.off('exit', killNow);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await becomesReady(child, baseUrl);
    return { baseUrl, operatorToken, folder, startedInMs: performance.now() - startedMs, stop };
  } catch (cause) {
    const output = readFileSync(logPath, 'utf8').trim().split('\n').slice(-10).join('\n');
    await stop();
    throw new Error(`The service did not become ready. Its last words:\n${output}`, { cause });
  }
}

async function becomesReady(child: ChildProcess, baseUrl: string): Promise<void> {
  const untilMs = performance.now() + startsWithinMs;
  while (performance.now() < untilMs && child.exitCode === null && child.signalCode === null) {
    if (await isReady(baseUrl)) return;
    await sleep(50);
  }
  throw new Error('not ready');
}

async function isReady(baseUrl: string): Promise<boolean> {
  return fetch(new URL('/health/ready', baseUrl)).then(
    (answer) => answer.ok,
    () => false,
  );
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGTERM');
  const inOrder = await Promise.race([exited, sleep(stopsWithinMs, null, { ref: false })]);
  if (inOrder !== null) return;
  child.kill('SIGKILL');
  await exited;
}
