import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ensureDatabase } from '../../../platform/postgres/database.ts';
import { migrate } from '../../../platform/postgres/migrate.ts';
import { createClient, type Connection } from '../../../platform/postgres/pool.ts';
import { startServer } from './server.ts';

describe('migrate', () => {
  const held: { stop?: () => Promise<void>; server?: Connection } = {};
  let connection: Connection;
  let folder = '';
  let number = 0;

  beforeAll(async () => {
    const { postgres, stop } = await startServer();
    Object.assign(held, { stop, server: postgres.connection });
  }, 60_000);
  afterAll(async () => held.stop?.());

  beforeEach(async () => {
    if (held.server === undefined) throw new Error('The server is not there.');
    connection = { ...held.server, database: `migrated_${number++}` };
    await ensureDatabase(connection, connection.database);
    if (folder !== '') rmSync(folder, { recursive: true });
    folder = mkdtempSync(join(tmpdir(), 'firebreak-migrations-'));
    write('0001_first.sql', 'create table first (id int); insert into first values (1);');
    write('0002_second.sql', 'insert into first values (2);');
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const write = (name: string, sql: string): void => writeFileSync(join(folder, name), sql);
  const count = async (): Promise<number> => {
    const client = createClient(connection, 'test');
    await client.connect();
    const { rows } = await client.query<{ count: number }>('select count(*)::int as count from first');
    await client.end();
    return rows[0]?.count ?? NaN;
  };

  test('applies what is missing, in order, once', async () => {
    expect(await migrate(connection, folder)).toEqual(['0001_first.sql', '0002_second.sql']);
    expect(await migrate(connection, folder)).toEqual([]);
    write('0003_third.sql', 'insert into first values (3);');
    expect(await migrate(connection, folder)).toEqual(['0003_third.sql']);
    expect(await count()).toBe(3);
  });

  test('processes that start at the same time take turns', async () => {
    const applied = await Promise.all([
      migrate(connection, folder),
      migrate(connection, folder),
      migrate(connection, folder),
    ]);
    expect(applied.flat().sort()).toEqual(['0001_first.sql', '0002_second.sql']);
    expect(await count()).toBe(2);
  });

  test('one that fails leaves nothing behind, and what came before it stands', async () => {
    write('0003_third.sql', 'insert into first values (3); select 1 / 0;');
    await expect(migrate(connection, folder)).rejects.toThrow('0003_third.sql');
    expect(await count()).toBe(2);
    write('0003_third.sql', 'insert into first values (3);');
    expect(await migrate(connection, folder)).toEqual(['0003_third.sql']);
  });

  test('refuses a database whose migrations were changed afterwards, or that is ahead', async () => {
    await migrate(connection, folder);
    write('0002_second.sql', 'insert into first values (22);');
    await expect(migrate(connection, folder)).rejects.toMatchObject({ code: 'FB_MIGRATION_CONFLICT' });
    rmSync(join(folder, '0002_second.sql'));
    await expect(migrate(connection, folder)).rejects.toMatchObject({ code: 'FB_MIGRATION_CONFLICT' });
  });

  test('numbers have no holes', async () => {
    write('0004_fourth.sql', 'select 1;');
    await expect(migrate(connection, folder)).rejects.toThrow('0003');
  });
});
