import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { arrayLiteral } from '../../../platform/postgres/array-literal.ts';
import { startTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await startTestDatabase();
}, 60_000);
afterAll(() => database.stop());

async function read(items: readonly (string | number | boolean | null)[], type: string): Promise<unknown> {
  const { rows } = await database
    .pool('owner')
    .query<{ items: unknown }>(`select $1::${type}[] as items`, [arrayLiteral(items)]);
  return rows[0]?.items;
}

test('PostgreSQL reads the same strings, whatever they hold', async () => {
  const text = fc
    .oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('null', 'NULL', '', ' ', '{}', '","', '\\"', "'", '\n', 'a\\', 'ÿ', '-1', 'a b'),
    )
    .map((value) => value.replaceAll('\u0000', ''));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.option(text)), async (items) => {
      expect(await read(items, 'text')).toEqual(items);
    }),
  );
});

test('and the same numbers and truth values', async () => {
  const numbers = [0, -1.5, 1_790_000_000_123, -62_167_219_200_000, null];
  expect(await read(numbers, 'float8')).toEqual(numbers);
  expect(await read([true, false, null], 'boolean')).toEqual([true, false, null]);
});
