import { describe, expect, test } from '@jest/globals';
import type { Batch } from '../../../platform/log/log.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createRecordEvents } from '../../../services/record/events.ts';
import { TableWriter } from '../../../services/record/table-writer.ts';

const batchOf = (partition: number, ...values: readonly string[]): Batch => ({
  topic: 'words',
  partition,
  end: values.length,
  records: values.map((value, offset) => {
    return { offset, key: value, value: Buffer.from(value), headers: {}, appendedAt: 0 };
  }),
});

function writing(refused: readonly string[] = []) {
  const statements: string[][] = [];
  const dead: string[] = [];
  const events = createRecordEvents(createLogger({ name: 'test', level: 'silent' }), createMetrics());
  const writer = new TableWriter<string>(
    {
      topic: 'words',
      rowOf: ({ value }) => Buffer.from(value ?? []).toString(),
      identityOf: (row) => row,
      write: (_, rows) => {
        if (rows.some((row) => refused.includes(row))) return Promise.reject(new Error('refused'));
        statements.push([...rows]);
        return Promise.resolve();
      },
    },
    {
      log: {
        bequeath: ({ partition }, _, poison) => {
          dead.push(...poison.map(({ record }) => `${partition}/${record.key}`));
          return Promise.resolve();
        },
      },
      pool: { query: () => Promise.reject(new Error('Nobody asks it.')) },
      events,
      lingerMs: 0,
    },
  );
  return { writer, statements, dead };
}

describe('TableWriter', () => {
  test('batches of several partitions that wait at a time are one statement, equal rows once', async () => {
    const { writer, statements } = writing();
    const batches = [batchOf(0, 'a', 'b'), batchOf(1, 'c'), batchOf(2, 'b', 'd')];
    expect(await Promise.all(batches.map((batch) => writer.write(batch)))).toEqual([true, true, true]);
    expect(statements).toEqual([['a', 'b', 'c', 'd']]);
  });

  test('a refused row lies in the dead letters of its own partition, and all batches are settled', async () => {
    const { writer, statements, dead } = writing(['c']);
    const batches = [batchOf(0, 'a', 'b'), batchOf(7, 'c', 'd')];
    expect(await Promise.all(batches.map((batch) => writer.write(batch)))).toEqual([true, true]);
    expect(dead).toEqual(['7/c']);
    expect(statements.flat().sort()).toEqual(['a', 'b', 'd']);
  });

  test('a statement is bounded, however many wait', async () => {
    const { writer, statements } = writing();
    const batches = Array.from({ length: 10 }, (_, n) =>
      batchOf(n, ...Array.from({ length: 100 }, (__, row) => `${n} ${row}`)),
    );
    await Promise.all(batches.map((batch) => writer.write(batch)));
    expect(statements.flat()).toHaveLength(1000);
    expect(Math.max(...statements.map((rows) => rows.length))).toBeLessThan(500);
  });
});
