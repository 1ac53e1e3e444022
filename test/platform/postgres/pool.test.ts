import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { copyOut } from '../../../platform/postgres/copy-out.ts';
import { createPool, inTransaction, withTenant, type Connection } from '../../../platform/postgres/pool.ts';
import { startServer } from './server.ts';

const held: { stop?: () => Promise<void>; connection?: Connection; pool?: pg.Pool } = {};
const pool = (): pg.Pool => {
  if (held.pool === undefined) throw new Error('The server is not there.');
  return held.pool;
};

beforeAll(async () => {
  const { postgres, stop } = await startServer();
  held.stop = stop;
  held.connection = postgres.connection;
  held.pool = createPool(postgres.connection, { name: 'test-pool', connections: 2, statementTimeoutMs: 500 });
  await held.pool.query('create table item (id int)');
}, 60_000);
afterAll(async () => {
  await held.pool?.end();
  await held.stop?.();
});

describe('a pool', () => {
  test('names itself and ends statements that take too long', async () => {
    const { rows } = await pool().query<{ application_name: string }>('show application_name');
    expect(rows).toEqual([{ application_name: 'test-pool' }]);
    await expect(pool().query('select pg_sleep(5)')).rejects.toMatchObject({ code: '57014' });
  });

  test('survives the loss of its connections, idle or at work', async () => {
    const end =
      'select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and pid <> pg_backend_pid()';
    const working = inTransaction(pool(), async (client) => {
      await pool().query(end, ['test-pool']);
      await client.query('select 1');
    });
    await expect(working).rejects.toThrow();
    await expect(pool().query('select pg_terminate_backend(pg_backend_pid())')).rejects.toThrow();
    expect((await pool().query('select 1')).rowCount).toBe(1);
  });
});

describe('a transaction', () => {
  test('happens whole or not at all', async () => {
    await inTransaction(pool(), (client) => client.query('insert into item values (1)'));
    const failing = inTransaction(pool(), async (client) => {
      await client.query('insert into item values (2)');
      throw new Error('a change of mind');
    });
    await expect(failing).rejects.toThrow('a change of mind');
    expect((await pool().query('select id from item')).rows).toEqual([{ id: 1 }]);
  });

  test('knows its tenant until it ends, whatever the name holds', async () => {
    const tenantOf = async (on: Pick<pg.Pool, 'query'>): Promise<unknown> =>
      (await on.query<{ tenant: unknown }>("select current_setting('firebreak.tenant', true) as tenant"))
        .rows[0]?.tenant;
    const name = `o'hara"; drop table item; --`;
    await withTenant(pool(), name, async (client) => expect(await tenantOf(client)).toBe(name));
    expect((await tenantOf(pool())) ?? '').toBe('');
    expect((await pool().query('select id from item')).rowCount).toBe(1);
  });
});

describe('copying out', () => {
  test('gives columns as the server holds them', async () => {
    const rows = await copyOut(
      pool(),
      `select n, null::text, decode(repeat('00ff0a5c', n), 'hex') from generate_series(1, 3) as n`,
    );
    expect(rows.map(([n]) => n?.readInt32BE())).toEqual([1, 2, 3]);
    expect(rows.map(([, nothing]) => nothing)).toEqual([null, null, null]);
    expect(rows.map(([, , bytes]) => bytes?.toString('hex'))).toEqual(
      [1, 2, 3].map((n) => '00ff0a5c'.repeat(n)),
    );
  });

  test('gives large values whole, and several at once do not mix', async () => {
    const sizes = [0, 1, 70_000, 1_500_000];
    const copies = await Promise.all(
      sizes.map((size) => copyOut(pool(), `select convert_to(repeat('${size % 7}', ${size}), 'UTF8')`)),
    );
    const wanted = sizes.map((size) => Buffer.alloc(size, String(size % 7)));
    expect(copies.map((rows) => rows[0]?.[0]?.length)).toEqual(sizes);
    copies.forEach((rows, index) =>
      expect(wanted[index]?.equals(rows[0]?.[0] ?? Buffer.alloc(1))).toBe(true),
    );
  });

  test('fails as a query does, and leaves the pool in order', async () => {
    await expect(copyOut(pool(), 'select 1 / 0')).rejects.toMatchObject({ code: '22012' });
    await expect(copyOut(pool(), 'select 1 / (3 - n) from generate_series(1, 5) as n')).rejects.toMatchObject(
      { code: '22012' },
    );
    expect(await copyOut(pool(), 'select 1 where false')).toEqual([]);
  });
});
