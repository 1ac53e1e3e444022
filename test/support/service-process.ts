import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { readCredentials } from '../../services/host/credentials.ts';

/** The real service as a process of its own, on a free port, with data in a folder of its own. */
export interface ServiceProcess {
  readonly url: string;
  readonly operatorToken: string;
  readonly dataDir: string;
  readonly pid: number;
  /** What it wrote to standard error. */
  errors(): string;
  /** SIGTERM and the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL; the data stays. */
  kill(): Promise<void>;
}

export interface ServiceOptions {
  /** Data of an earlier start; a new folder otherwise. */
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** A copy of the product to run; this one otherwise. */
  readonly product?: string;
}

const main = 'services/all-in-one/main.ts';

/** A folder that PostgreSQL's own user may pass, for `dataDir`. */
export function makeDataDir(): string {
  const home = mkdtempSync(join(tmpdir(), 'firebreak-e2e-'));
  chmodSync(home, 0o711);
  return join(home, 'data');
}

export function removeDataDir(dataDir: string): void {
  rmSync(join(dataDir, '..'), { recursive: true, force: true });
}

export function spawnService({
  dataDir,
  env = {},
  product = '.',
}: ServiceOptions & { readonly dataDir: string }): ChildProcess {
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !key.startsWith('FIREBREAK_') && key !== 'NODE_OPTIONS'),
  );
  return spawn(process.execPath, ['--import', 'tsx', main], {
    env: {
      ...inherited,
      FIREBREAK_HTTP_PORT: '0',
      FIREBREAK_DATA_DIR: dataDir,
      FIREBREAK_LOG_LEVEL: 'warn',
      ...env,
    },
    cwd: product,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** Resolves when it is ready; rejects with what it said when it does not come up. */
export async function startService(options: ServiceOptions = {}): Promise<ServiceProcess> {
  const dataDir = options.dataDir ?? makeDataDir();
  const child = spawnService({ ...options, dataDir });
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const exited = new Promise<number | null>((resolve) => child.once('exit', (code) => resolve(code)));
  const url = await new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    lines.on('line', (line) => {
      const found = /ready at (\S+)/.exec(line)?.[1];
      if (found !== undefined) resolve(found);
      else errors += `${line}\n`;
    });
    void exited.then((code) => reject(new Error(`The service ended with ${code}: ${errors}`)));
  });
  const credentials = readCredentials(dataDir);
  if (credentials === null) throw new Error(`There are no credentials in ${dataDir}.`);
  const { pid } = child;
  if (pid === undefined) throw new Error('The service has no process id.');
  return {
    url,
    operatorToken: credentials.operatorToken,
    dataDir,
    pid,
    errors: () => errors,
    stop: () => {
      child.kill('SIGTERM');
      return exited;
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
