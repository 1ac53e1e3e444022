import { fileURLToPath } from 'node:url';
import type { ServiceName } from '../../services/host/services.ts';
import { spawnGuarded, type GuardedProcess } from '../../platform/process/guarded-process.ts';

/** One process of one service. */
export interface Instance extends Pick<GuardedProcess, 'pid' | 'exited' | 'kill' | 'stop' | 'lines'> {
  readonly service: ServiceName | 'all-in-one';
  /** Such as `ingest-2`. */
  readonly name: string;
  readonly port: number;
  readonly url: string;
}

export interface InstanceOptions {
  readonly service: ServiceName | 'all-in-one';
  readonly name: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Starts it as its npm script does, and resolves when it says that it is ready. It ends when this process ends.
 * @throws Error with its last words when it ends before
 */
export async function startInstance({
  service,
  name,
  port,
  env,
  onLine,
}: InstanceOptions): Promise<Instance> {
  let tellReady: () => void = () => undefined;
  const ready = new Promise<'ready'>((resolve) => (tellReady = () => resolve('ready')));
  const child = await spawnGuarded({
    program: process.execPath,
    args: ['--import', 'tsx', `services/${service}/main.ts`],
    cwd: root,
    env: { ...env, FIREBREAK_HTTP_PORT: String(port) },
    stopWithinSeconds: 15,
    onLine: (line) => {
      if (line.startsWith('Firebreak is ready at')) tellReady();
      else onLine(line);
    },
  });
  const outcome = await Promise.race([ready, child.exited]);
  if (outcome !== 'ready')
    throw new Error(`${name} ended with ${outcome} before it was ready:\n${child.lines().join('\n')}`);
  return { ...child, service, name, port, url: `http://127.0.0.1:${port}` };
}
