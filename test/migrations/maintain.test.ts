import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import { reportTable } from '../../services/record/tables.ts';
import { acceptedReport, newTenant } from '../support/history.ts';
import { startTestDatabase, type TestDatabase } from '../support/postgres.ts';

const dayMs = 86_400_000;
let database: TestDatabase;
let writer: pg.Pool;
let owner: pg.Pool;

beforeAll(async () => {
  database = await startTestDatabase();
  [writer, owner] = [database.pool('firebreak_writer'), database.pool('owner')];
}, 60_000);
afterAll(() => database.stop());

async function maintain(back: number, ahead: number, retention: number): Promise<unknown> {
  const { rows } = await writer.query('select made, dropped from history.maintain($1, $2, $3)', [
    back,
    ahead,
    retention,
  ]);
  return rows[0];
}

async function recordAt(atMs: number): Promise<void> {
  const accepted = acceptedReport({ tenantId: newTenant(), atMs });
  const row = reportTable.rowOf({ value: Buffer.from(JSON.stringify(accepted)) });
  await reportTable.write(writer, row === null ? [] : [row]);
}

async function reportsByTable(): Promise<ReadonlyMap<string, number>> {
  const { rows } = await owner.query<{ name: string; n: number }>(
    'select tableoid::regclass::text as name, count(*)::int as n from history.reports group by 1',
  );
  return new Map(rows.map(({ name, n }) => [name, n]));
}

function dayTable(atMs: number): string {
  return `history.reports_${new Date(atMs).toISOString().slice(0, 10).replaceAll('-', '')}`;
}

test('days are made ahead, take in what already lay in the default partition, and are dropped when old', async () => {
  const now = Date.now();
  await recordAt(now);
  await recordAt(now - 20 * dayMs);
  expect(await reportsByTable()).toEqual(new Map([['history.reports_default', 2]]));

  expect(await maintain(3, 2, 180)).toEqual({ made: 12, dropped: 0 });
  expect(await maintain(3, 2, 180)).toEqual({ made: 0, dropped: 0 });
  expect(await reportsByTable()).toEqual(
    new Map([
      [dayTable(now), 1],
      ['history.reports_default', 1],
    ]),
  );

  await recordAt(now - 3 * dayMs);
  await maintain(0, 2, 2);
  expect(await reportsByTable()).toEqual(new Map([[dayTable(now), 1]]));
  const { rows } = await owner.query('select from history.sightings');
  expect(rows).toHaveLength(1);
});

test('a retention that would drop what is just made is refused', async () => {
  await expect(maintain(7, 2, 7)).rejects.toThrow('retention must exceed the look-back');
});

test('every day kept has its zone, and no other has', async () => {
  await maintain(3, 2, 180);
  const { rows } = await owner.query<{ zones: string[]; days: string[] }>(
    `select (select array_agg(parent || '_' || to_char(day, 'YYYYMMDD') order by 1) from history.zones) as zones,
            (select array_agg(c.relname::text order by 1) from pg_inherits i join pg_class c on c.oid = i.inhrelid
              where i.inhparent in ('history.reports'::regclass, 'history.decisions'::regclass) and c.relname !~ 'default') as days`,
  );
  expect(rows[0]?.zones.sort()).toEqual(rows[0]?.days.sort());
});
