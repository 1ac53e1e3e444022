import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from '@jest/globals';
import { startPostgres, type Postgres, type PostgresNotice } from '../../../platform/postgres/launcher.ts';
import { createClient } from '../../../platform/postgres/pool.ts';
import { eventually } from '../../support/eventually.ts';
import { makeHome } from './server.ts';

const launcherUrl = pathToFileURL(
  fileURLToPath(new URL('../../../platform/postgres/launcher.ts', import.meta.url)),
).href;
const { home, remove } = makeHome();
afterAll(remove);
const dataDir = join(home, 'data');

async function query(postgres: Postgres, text: string): Promise<unknown> {
  const client = createClient(postgres.connection, 'test');
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query({ text, rowMode: 'array' })).rows[0];
  } finally {
    await client.end();
  }
}

function isRunning(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') === false;
  } catch {
    return false;
  }
}

describe('the built-in PostgreSQL', () => {
  test('starts on a socket only, keeps its data, and stops', async () => {
    const first = await startPostgres({ dataDir, fsync: false });
    expect(await query(first, 'show listen_addresses')).toEqual(['']);
    await query(first, 'create table kept as select 42 as answer');
    expect(isRunning(first.pid)).toBe(true);
    await first.stop();
    expect(isRunning(first.pid)).toBe(false);
    const second = await startPostgres({ dataDir, fsync: false });
    expect(await query(second, 'select answer from kept')).toEqual([42]);
    await second.stop();
  }, 60_000);

  test('keeps its password and its files from others', () => {
    expect(statSync(join(dataDir, 'password')).mode & 0o777).toBe(0o600);
    expect(statSync(join(dataDir, 'pg')).mode & 0o777).toBe(0o700);
    expect(lstatSync(join(dataDir, 'socket')).mode & 0o777).toBe(0o700);
  });

  test('is started again when it dies', async () => {
    const notices: PostgresNotice[] = [];
    const postgres = await startPostgres({
      dataDir,
      fsync: false,
      onNotice: (notice) => notices.push(notice),
    });
    const { pid } = postgres;
    process.kill(pid, 'SIGKILL');
    await eventually(() => (notices.some(({ kind }) => kind === 'restarted') ? true : null), 60_000);
    expect(notices.map(({ kind }) => kind)).toEqual(['died', 'restarted']);
    expect(postgres.pid).not.toBe(pid);
    expect(await query(postgres, 'select answer from kept')).toEqual([42]);
    await postgres.stop();
  }, 90_000);

  test('stops when the process that started it is killed, and the next start is clean', async () => {
    const script = `
      const { startPostgres } = await import(${JSON.stringify(launcherUrl)});
      const postgres = await startPostgres({ dataDir: ${JSON.stringify(dataDir)}, fsync: false });
      console.log(postgres.pid);`;
    const owner = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [said] = (await once(owner.stdout.setEncoding('utf8'), 'data')) as [string];
    const serverPid = Number(said);
    expect(isRunning(serverPid)).toBe(true);
    await expect(startPostgres({ dataDir })).rejects.toMatchObject({
      code: 'FB_DATA_IN_USE',
      message: expect.stringContaining(String(owner.pid)),
    });
    owner.kill('SIGKILL');
    await once(owner, 'exit');
    const next = await startPostgres({ dataDir, fsync: false });
    expect(isRunning(serverPid)).toBe(false);
    await next.stop();
  }, 90_000);

  test('a lock file that a dead server left does not keep the next one away', async () => {
    // In a restarted container the number of the dead server is somebody else's by now: here ours.
    const lines = [
      String(process.pid),
      join(dataDir, 'pg'),
      '0',
      '5432',
      join(dataDir, 'socket'),
      '',
      '',
      'ready',
    ];
    writeFileSync(join(dataDir, 'pg', 'postmaster.pid'), lines.join('\n'));
    const postgres = await startPostgres({ dataDir, fsync: false });
    await postgres.stop();
  }, 60_000);

  test('says in one sentence why it does not start, with the words of the server', async () => {
    writeFileSync(join(dataDir, 'pg', 'postgresql.auto.conf'), 'no_such_setting = on\n');
    await expect(startPostgres({ dataDir })).rejects.toMatchObject({
      code: 'FB_POSTGRES_START',
      message: expect.stringContaining('no_such_setting'),
    });
    writeFileSync(join(dataDir, 'pg', 'postgresql.auto.conf'), '');
  }, 60_000);

  test('data of another major version is refused', async () => {
    const file = join(dataDir, 'pg', 'PG_VERSION');
    const own = readFileSync(file);
    writeFileSync(file, '99\n');
    await expect(startPostgres({ dataDir })).rejects.toMatchObject({ code: 'FB_DATA_NEWER' });
    writeFileSync(file, own);
  });

  test('a folder that cannot be one is refused where it was asked for', async () => {
    const file = join(home, 'notes.txt');
    writeFileSync(file, '');
    await expect(startPostgres({ dataDir: join(file, 'data') })).rejects.toMatchObject({
      code: 'FB_DATA_FOREIGN',
      message: expect.stringContaining(file),
    });
  });

  test('a path too long for a socket gets one elsewhere', async () => {
    const postgres = await startPostgres({ dataDir: join(home, 'x'.repeat(100)), fsync: false });
    expect(Buffer.byteLength(join(postgres.connection.host, '.s.PGSQL.5432'))).toBeLessThanOrEqual(107);
    expect(await query(postgres, 'select 1')).toEqual([1]);
    await postgres.stop();
    expect(() => statSync(postgres.connection.host)).toThrow();
  }, 60_000);
});
