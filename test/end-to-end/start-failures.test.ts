import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import {
  makeDataDir,
  removeDataDir,
  spawnService,
  startService,
  type ServiceProcess,
} from '../support/service-process.ts';
import { processesIn } from './processes-in.ts';

/** Folders of tests that are refused, each of its own. */
const home = join(makeDataDir(), '..');
let running: ServiceProcess;
let occupied: Server;

beforeAll(async () => {
  running = await startService();
  occupied = createServer();
  await new Promise<void>((resolve) => occupied.listen(0, '127.0.0.1', resolve));
}, 180_000);

afterAll(async () => {
  await new Promise((resolve) => occupied.close(resolve));
  const code = await running.stop();
  removeDataDir(running.dataDir);
  removeDataDir(join(home, 'data'));
  expect(code).toBe(0);
}, 30_000);

/** Starts what is not to come up. */
async function start(dataDir: string, env: Readonly<Record<string, string>> = {}) {
  const child = spawnService({ dataDir, env });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => (said += chunk.toString()));
  child.stdout?.resume();
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, said };
}

/** What every refusal has: what happened and what to do, in words, on one line, and no stack. */
function expectRefusal(
  { code, said }: { code: number | null; said: string },
  errorCode: string,
  ...words: string[]
) {
  expect(said).toMatch(/^firebreak: \S/);
  for (const word of [errorCode, ...words]) expect(said).toContain(word);
  expect(said.trim().split('\n')).toHaveLength(1);
  expect(code).toBe(1);
}

function folder(name: string, files: Readonly<Record<string, string>> = {}): string {
  const path = join(home, name);
  mkdirSync(path);
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

describe('a start that cannot succeed', () => {
  test('names the address that is taken, and leaves nothing running', async () => {
    const { port } = occupied.address() as { port: number };
    const dataDir = join(home, 'port');
    const refused = await start(dataDir, { FIREBREAK_HTTP_PORT: String(port) });
    expectRefusal(refused, 'FB_PORT_IN_USE', `127.0.0.1:${port}`, 'FIREBREAK_HTTP_PORT');
    expect(processesIn(dataDir)).toEqual([]);
  }, 180_000);

  test.each(['/proc/firebreak', '/proc/firebreak/data'])('says that %s cannot be written', async (path) => {
    expectRefusal(await start(path), 'FB_DATA_READ_ONLY', path, 'FIREBREAK_DATA_DIR');
  });

  test('refuses a path below a file', async () => {
    const file = join(folder('file'), 'notes.txt');
    writeFileSync(file, 'not a folder');
    expectRefusal(await start(join(file, 'data')), 'FB_DATA_FOREIGN', file, 'FIREBREAK_DATA_DIR');
  });

  test('leaves a folder with other things in it as it is', async () => {
    const path = folder('foreign', { 'thesis.txt': 'years of work' });
    expectRefusal(await start(path), 'FB_DATA_FOREIGN', path, 'FIREBREAK_DATA_DIR');
    expect(readdirSync(path)).toEqual(['thesis.txt']);
  });

  test('leaves the data of a newer version as it is', async () => {
    const path = folder('newer', { VERSION: 'firebreak-data 999\n' });
    expectRefusal(await start(path), 'FB_DATA_NEWER', path, '999', 'start that version');
    expect(readdirSync(path)).toEqual(['VERSION']);
  });

  test('leaves the data of a newer PostgreSQL as it is', async () => {
    const path = folder('newer-database', { VERSION: 'firebreak-data 1\n' });
    mkdirSync(join(path, 'pg'));
    writeFileSync(join(path, 'pg', 'PG_VERSION'), '99\n');
    expectRefusal(await start(path), 'FB_DATA_NEWER', path, 'PostgreSQL 99');
    expect(readdirSync(join(path, 'pg'))).toEqual(['PG_VERSION']);
  });

  test('names the process that has the folder, which goes on', async () => {
    const refused = await start(running.dataDir);
    expectRefusal(refused, 'FB_DATA_IN_USE', running.dataDir, `process ${running.pid}`);
    expect((await fetch(new URL('/health/ready', running.url))).status).toBe(200);
  });

  test('names a host name that is none', async () => {
    const refused = await start(join(home, 'host'), { FIREBREAK_HTTP_HOST: 'nowhere.invalid' });
    expect(refused.said).toMatch(/^firebreak: .*FIREBREAK_HTTP_HOST/);
    expect(refused.code).toBe(1);
    expect(processesIn(join(home, 'host'))).toEqual([]);
  }, 180_000);

  test('names a folder of rules that is not there', async () => {
    const rules = join(home, 'no-such-rules');
    const refused = await start(join(home, 'rules'), { FIREBREAK_RULE_DIRS: rules });
    expectRefusal(refused, 'FB_CONFIG_INVALID', rules, 'FIREBREAK_RULE_DIRS');
    expect(processesIn(join(home, 'rules'))).toEqual([]);
  }, 180_000);

  test('names every mistake of the configuration at once, before it touches the folder', async () => {
    const path = join(home, 'untouched');
    const { code, said } = await start(path, {
      FIREBREAK_HTTP_PORT: 'eighty',
      FIREBREAK_HTTP_PROT: '8080',
      FIREBREAK_LOG_LEVEL: 'loud',
      FIREBREAK_OPERATOR_TOKEN: 'short',
      FIREBREAK_LIMIT_DEPTH: '0',
    });
    const lines = said.trim().split('\n');
    expect(lines[0]).toBe('firebreak: The configuration is invalid:');
    const names = lines.slice(1, -1).map((line) => line.trim().split(' ')[0]);
    expect(names.toSorted()).toEqual([
      'FIREBREAK_HTTP_PORT',
      'FIREBREAK_HTTP_PROT',
      'FIREBREAK_LIMIT_DEPTH',
      'FIREBREAK_LOG_LEVEL',
      'FIREBREAK_OPERATOR_TOKEN',
    ]);
    expect(said).toContain('did you mean FIREBREAK_HTTP_PORT?');
    expect(said).not.toContain('short');
    expect(lines.at(-1)).toContain('FB_CONFIG_INVALID');
    expect(code).toBe(1);
    expect(readdirSync(home)).not.toContain('untouched');
  });
});
