import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { spawnGuarded, type GuardedProcess } from '../../../platform/process/guarded-process.ts';
import { processesIn } from '../../end-to-end/processes-in.ts';
import { eventually } from '../../support/eventually.ts';

const cwd = mkdtempSync(join(tmpdir(), 'firebreak-guard-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const moduleUrl = new URL('../../../platform/process/guarded-process.ts', import.meta.url).href;
const env = { PATH: process.env['PATH'] ?? '' };

/** Resolves when the script has said that it is ready. */
async function run(script: string, stopWithinSeconds = 30): Promise<GuardedProcess> {
  const server = await spawnGuarded({
    program: '/bin/sh',
    args: ['-c', script],
    cwd,
    env,
    stopWithinSeconds,
  });
  await eventually(() => (server.lines().includes('ready') ? true : null));
  return server;
}

const untilNobody = () => eventually(() => (processesIn(cwd).length === 0 ? true : null));

test('a server is stopped gently, and a second stop is harmless', async () => {
  const server = await run(`trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.05; done`);
  expect(processesIn(cwd).some((line) => line.startsWith(`${server.pid} `))).toBe(true);
  await server.stop();
  expect(await server.exited).toBe(7);
  expect(server.lines()).toEqual(['ready', 'bye']);
  await server.stop();
  server.kill('SIGKILL');
  await untilNobody();
});

test('a server that does not listen is stopped hard', async () => {
  const server = await run(`trap '' TERM; echo ready; while :; do sleep 0.05; done`, 1);
  await server.stop();
  expect(await server.exited).toBe(137);
  await untilNobody();
});

test('a paused server stops, too', async () => {
  const server = await run('echo ready; exec sleep 600');
  server.kill('SIGSTOP');
  await eventually(() =>
    / T /.test(readFileSync(`/proc/${server.pid}/stat`, 'utf8').slice(0, 40)) ? true : null,
  );
  await server.stop();
  expect(await server.exited).toBe(143);
  await untilNobody();
});

test('a server that is killed is told as such, and its guard goes with it', async () => {
  const server = await run('echo ready; exec sleep 600');
  server.kill('SIGKILL');
  expect(await server.exited).toBe(137);
  await untilNobody();
});

test('a program that is missing ends with status 127 and the words of the shell', async () => {
  const server = await spawnGuarded({
    program: 'no-such-program',
    args: [],
    cwd,
    env,
    stopWithinSeconds: 1,
  });
  expect(await server.exited).toBe(127);
  expect(server.lines().join()).toContain('no-such-program');
});

test('the server stops when the process that started it, or the guard alone, is killed', async () => {
  const command = { program: '/bin/sh', args: ['-c', 'exec sleep 600'], cwd, env, stopWithinSeconds: 30 };
  const script = `
    const { spawnGuarded } = await import(${JSON.stringify(moduleUrl)});
    const server = await spawnGuarded(${JSON.stringify(command)});
    console.log(server.pid);`;
  const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  expect(processesIn(cwd)).not.toEqual([]);
  owner.kill('SIGKILL');
  await untilNobody();

  const server = await run('echo ready; exec sleep 600');
  const parent = Number(
    readFileSync(`/proc/${server.pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[1],
  );
  process.kill(parent, 'SIGKILL');
  await server.exited;
  await untilNobody();
});
