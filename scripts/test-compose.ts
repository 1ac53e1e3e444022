/** `npm run test:compose -- --help` */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { parse } from 'yaml';
import { z } from 'zod';
import { runProgram } from './command-line.ts';
import { startEngine } from './compose/engine.ts';
import { MemoryWatch } from './compose/memory.ts';
import { runToEnd } from './compose/run.ts';
import { build, buildStandIns, type ImageNames } from './compose/stand-ins.ts';
import { makeCheckout, Stack } from './compose/stack.ts';
import { freePort } from './servers/free-port.ts';

const program = new Command('test:compose')
  .description(
    `Brings docker-compose.yml up on a real Docker engine and uses it as an outsider does. The engine is one of its own in a
temporary folder; the official images, which it does not pull, are stood in for by images of Debian's, npm's and Maven's
packages. Takes root, and about ten minutes. Leaves nothing behind.`,
  )
  .option('--shell', 'leaves everything running until Ctrl-C instead of testing it')
  .action(run);
const root = fileURLToPath(new URL('../', import.meta.url));
const startedMs = performance.now();
const say = (line: string): void =>
  void process.stderr.write(
    `${((performance.now() - startedMs) / 1000).toFixed(0).padStart(4)} s  ${line}\n`,
  );
const stopRequested = new Promise<never>((_, stop) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop(new Error('stopped')));
});
stopRequested.catch(() => undefined);

await runProgram(program);

async function run({ shell = false }: { readonly shell?: boolean }): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-compose-'));
  say('starting a Docker engine');
  const engine = await startEngine(folder);
  const memory = new MemoryWatch(engine.cgroup);
  try {
    await Promise.race([useStack(engine.host, join(folder, 'work'), memory, shell), stopRequested]);
  } finally {
    memory.stop();
    say('removing everything');
    await engine.stop();
  }
  say('passed; nothing is left behind');
}

async function useStack(host: string, folder: string, memory: MemoryWatch, shell: boolean): Promise<void> {
  const checkout = join(folder, 'checkout');
  mkdirSync(checkout, { recursive: true });
  makeCheckout(checkout);
  const { project, ...images } = imageNames();
  await buildStandIns({ host, folder, images, onNotice: say });
  say(`building ${project}`);
  await build(host, checkout, ['--tag', project]);
  await runToEnd('npm', ['run', '-s', 'compose:secrets'], { cwd: checkout });
  const files = ['docker-compose.yml', ...lessFiles(checkout)];
  const stack = await Stack.at({ host, checkout, port: await freePort(8080), files });
  say('starting the stack');
  await stack.up();
  say(`all ${(await stack.containers()).length} containers are healthy, at ${stack.url}`);
  if (shell) {
    say(`DOCKER_HOST=${host}, in ${checkout}. Ctrl-C removes all of it.`);
    await new Promise<never>(() => undefined);
  }
  const watch = watchNames(stack);
  const outcome = await test(stack, folder).finally(() => watch.stop());
  tellMemory(watch.names, memory);
  say('stopping the stack');
  await stack.down(true);
  if ((await stack.containers()).length > 0) throw new Error('There are containers left after `down`.');
  if (outcome !== 0) throw new Error(`The tests failed (${outcome}).`);
}

/** Where this machine does not let anybody open as many files as the compose file asks for: as many as it does. */
function lessFiles(checkout: string): readonly string[] {
  const most = Number(/^Max open files +\d+ +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1]);
  const asked = Object.entries(services()).filter(([, { ulimits }]) => (ulimits?.nofile ?? 0) > most);
  if (asked.length === 0) return [];
  say(`this machine allows ${most} open files: not tried with what the compose file asks for`);
  const changed = asked.map(([name]) => [name, { ulimits: { nofile: most } }] as const);
  writeFileSync(join(checkout, 'less-files.yml'), JSON.stringify({ services: Object.fromEntries(changed) }));
  return ['less-files.yml'];
}

/** The names are asked for while the containers are there: the suite makes all of them anew at its end. */
function watchNames(stack: Stack): { readonly names: ReadonlyMap<string, string>; stop(): void } {
  const names = new Map<string, string>();
  const ask = async (): Promise<void> => {
    for (const { id, name } of await stack.containers()) names.set(id, name);
  };
  const timer = setInterval(() => void ask().catch(() => undefined), 5_000);
  return { names, stop: () => clearInterval(timer) };
}

function tellMemory(names: ReadonlyMap<string, string>, memory: MemoryWatch): void {
  for (const [id, name] of [...names].toSorted(([, a], [, b]) => a.localeCompare(b))) {
    const use = memory.use(id);
    if (use === null) continue;
    const sizes = [use.anonymousPeak, use.limit, use.peak].map((bytes) => Math.round(bytes / 1024 ** 2));
    say(`${name}: ${sizes[0]} MiB of ${sizes[1]}, with files ${sizes[2]}`);
  }
}

/** The suite that only this command runs, in a process of its own. */
async function test(stack: Stack, home: string): Promise<number> {
  const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
  const place = JSON.stringify({ ...stack.place, home });
  const child = spawn(
    process.execPath,
    [...jest, '--ci', '--runInBand', '--testPathIgnorePatterns', '/node_modules/', '--', 'test/compose/'],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, FIREBREAK_COMPOSE_STACK: place },
    },
  );
  stopRequested.catch(() => void child.kill());
  const [status] = (await once(child, 'exit')) as [number | null];
  return status ?? 1;
}

function services() {
  const container = z.object({
    image: z.string(),
    ulimits: z.object({ nofile: z.number() }).optional(),
  });
  return z
    .object({ services: z.record(z.string(), container) })
    .parse(parse(readFileSync(join(root, 'docker-compose.yml'), 'utf8'), { merge: true })).services;
}

/** As the compose file and the Dockerfile name them. */
function imageNames(): ImageNames & { readonly project: string } {
  const imageOf = (service: string): string => services()[service]?.image ?? '';
  const node = /^ARG NODE_IMAGE=(.*)$/m.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))?.[1] ?? '';
  return {
    ...{ node, kafka: imageOf('kafka'), redis: imageOf('redis'), nginx: imageOf('nginx') },
    ...{ postgres: imageOf('postgres'), project: imageOf('query') },
  };
}
