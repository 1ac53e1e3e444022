import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { ensureProgram } from '../servers/install.ts';
import { docker } from './engine.ts';
import { runToEnd } from './run.ts';

/** What it takes to speak to the stack from another process. */
export interface StackPlace {
  /** Of the Docker engine. */
  readonly host: string;
  /** A checkout of its own, with the secrets in it. */
  readonly checkout: string;
  /** Of the proxy, on the loopback interface. */
  readonly port: number;
  /** Compose files, the later ones over the earlier. */
  readonly files: readonly string[];
}

export interface Container {
  readonly id: string;
  readonly service: string;
  /** Such as `ingest-2`. */
  readonly name: string;
  readonly pid: number;
  readonly health: string;
  /** How often the engine has started it again. */
  readonly restarts: number;
}

const project = 'firebreak';
const healthyWithinMs = 300_000;
const inspectedSchema = z.array(
  z.object({
    Id: z.string(),
    RestartCount: z.number(),
    State: z.object({
      Pid: z.number(),
      Status: z.string(),
      Health: z.object({ Status: z.string() }).optional(),
    }),
    Config: z.object({ Labels: z.record(z.string(), z.string()) }),
  }),
);

/** Copies what is under version control, or about to be, as a new user would have it after `npm ci`. */
export function makeCheckout(folder: string): void {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  for (const path of new Set(listed.split('\0'))) {
    if (path === '' || !existsSync(join(root, path))) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    cpSync(join(root, path), join(folder, path));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}

/** The containers of docker-compose.yml, by the commands of its documentation. */
export class Stack {
  readonly place: StackPlace;
  readonly #command: readonly string[];

  private constructor(place: StackPlace, command: readonly string[]) {
    this.place = place;
    this.#command = command;
  }

  /** @throws Error when there is no compose and none can be installed */
  static async at(place: StackPlace): Promise<Stack> {
    const plugin = ['docker', 'compose'];
    const hasPlugin = await runToEnd('docker', ['compose', 'version'], { cwd: place.checkout }).then(
      () => true,
      () => false,
    );
    if (!hasPlugin) await ensureProgram('docker-compose', 'docker-compose');
    return new Stack(place, hasPlugin ? plugin : ['docker-compose']);
  }

  get url(): string {
    return `http://127.0.0.1:${this.place.port}`;
  }

  get operatorToken(): string {
    return readFileSync(join(this.place.checkout, 'secrets', 'operator-token'), 'utf8').trim();
  }

  /** Runs compose in the checkout. */
  async compose(args: readonly string[]): Promise<string> {
    const { checkout, host, port, files } = this.place;
    const [program = '', ...first] = this.#command;
    const named = files.flatMap((file) => ['--file', file]);
    return runToEnd(program, [...first, '--project-name', project, ...named, ...args], {
      cwd: checkout,
      env: { DOCKER_HOST: host, HTTP_PORT: String(port) },
    });
  }

  /** @param instances of services that shall not have one */
  async up(instances: Readonly<Record<string, number>> = {}): Promise<void> {
    const scale = Object.entries(instances).flatMap(([name, count]) => ['--scale', `${name}=${count}`]);
    await this.compose(['up', '--detach', '--no-build', ...scale]);
    await this.untilHealthy();
  }

  /** Containers and networks; the volumes stay unless asked for. */
  async down(removeVolumes: boolean): Promise<void> {
    await this.compose(['down', ...(removeVolumes ? ['--volumes'] : [])]);
  }

  async containers(): Promise<readonly Container[]> {
    const ids = (await docker(this.place.host, ['ps', '--all', '--quiet', '--no-trunc'])).split('\n');
    const there = ids.filter((id) => id !== '');
    if (there.length === 0) return [];
    const found = inspectedSchema.parse(
      JSON.parse(await docker(this.place.host, ['inspect', '--type', 'container', ...there])),
    );
    return found
      .filter(({ Config }) => Config.Labels['com.docker.compose.project'] === project)
      .map(({ Id, RestartCount, State, Config }) => {
        const service = Config.Labels['com.docker.compose.service'] ?? '';
        const number = Config.Labels['com.docker.compose.container-number'] ?? '';
        const health = State.Status === 'running' ? (State.Health?.Status ?? 'unknown') : State.Status;
        return {
          ...{ id: Id, service, name: `${service}-${number}`, pid: State.Pid },
          ...{ health, restarts: RestartCount },
        };
      });
  }

  /** @throws Error with what the containers that are not wrote last */
  async untilHealthy(): Promise<void> {
    const giveUpAt = Date.now() + healthyWithinMs;
    for (;;) {
      const ill = (await this.containers()).filter(({ health }) => health !== 'healthy');
      if (ill.length === 0) return;
      if (Date.now() > giveUpAt) {
        const logs = await Promise.all(ill.map((container) => this.logs(container)));
        throw new Error(`Not healthy within ${healthyWithinMs / 1000} s:\n${logs.join('\n')}`);
      }
      await sleep(500);
    }
  }

  async logs({ id, name, health }: Container): Promise<string> {
    const { host, checkout } = this.place;
    const env = { DOCKER_HOST: host };
    return `== ${name}, ${health}\n${await runToEnd('docker', ['logs', '--tail', '30', id], { cwd: checkout, env })}`;
  }

  /**
   * Kills the main process of a container from outside, as a lack of memory would: what the engine is told to kill it
   * does not start again.
   */
  async kill(name: string): Promise<void> {
    const container = (await this.containers()).find((each) => each.name === name);
    if (container === undefined || container.pid === 0) throw new Error(`${name} does not run.`);
    process.kill(container.pid, 'SIGKILL');
  }
}
