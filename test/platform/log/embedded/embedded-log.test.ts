import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openEmbeddedLog } from '../../../../platform/log/embedded/embedded-log.ts';
import { createClient } from '../../../../platform/postgres/pool.ts';
import { place } from '../../../../platform/log/place.ts';
import type { StoredRecord } from '../../../../platform/log/log.ts';
import { startTestLog, type TestLog } from '../../../support/log.ts';
import { collect, eventually, keysOf, numbered, readAll, record, textOf } from '../suite/fixture.ts';

const segmentMs = 1_000;
const patienceMs = 10_000;

describe('the embedded log', () => {
  const held: { server?: TestLog } = {};
  let now = 1_000_000_000;
  const it = (): TestLog => {
    if (held.server === undefined) throw new Error('The server is not there.');
    return held.server;
  };
  beforeAll(
    async () => void (held.server = await startTestLog({ now: () => now, segmentMs, tailBytes: 1 })),
    120_000,
  );
  afterAll(async () => held.server?.stop(), 60_000);

  async function appendLater(topic: string, from: number, count: number): Promise<void> {
    now += segmentMs;
    await it().log.append(topic, numbered(from, count));
  }

  /** How many keys the log knows a last record of. */
  async function lastOffsets(topic: string): Promise<number> {
    const client = createClient({ ...it().connection, database: 'firebreak_log' }, 'test');
    await client.connect();
    const { rowCount } = await client.query(
      'select 1 from last_offset join topic on topic.id = topic_id where name = $1',
      [topic],
    );
    await client.end();
    return rowCount ?? 0;
  }

  test('retention drops whole segments, oldest first, and says where a topic begins now', async () => {
    await it().log.createTopics([
      { name: 'retained', partitions: 1, retentionMs: 3 * segmentMs, compaction: null },
    ]);
    for (let from = 0; from < 80; from += 10) await appendLater('retained', from, 10);
    await it().log.expire();
    const { start = NaN, end } = (await it().log.bounds('retained'))[0] ?? {};
    expect(end).toBe(80);
    expect(start).toBe(40);
    expect(keysOf(await readAll(it().log, 'retained'))).toEqual(keysOf(numbered(40, 40)));
    now += 20 * segmentMs;
    await it().log.expire();
    expect(await it().log.bounds('retained')).toMatchObject([{ start: 80, end: 80 }]);
    expect(await readAll(it().log, 'retained')).toEqual([]);
    await it().restart();
    expect(await it().log.bounds('retained')).toMatchObject([{ start: 80, end: 80 }]);
    expect(await it().log.append('retained', numbered(80, 1))).toMatchObject([{ offset: 80 }]);
  });

  test('a consumer that retention overtakes goes on at the oldest record, and that is told', async () => {
    await it().log.createTopics([
      { name: 'overtaken', partitions: 1, retentionMs: segmentMs, compaction: null },
    ]);
    const { consumer, seen } = await collect(it().log, 'slow', 'overtaken', { maxBatchRecords: 5 });
    consumer.pause([{ topic: 'overtaken', partition: 0 }]);
    for (let from = 0; from < 50; from += 10) await appendLater('overtaken', from, 10);
    await it().log.expire();
    consumer.resume([{ topic: 'overtaken', partition: 0 }]);
    await eventually(() => expect(keysOf(seen)).toContain('n49'), patienceMs);
    await consumer.stop();
    const [first] = seen;
    expect(first?.offset).toBeGreaterThan(0);
    expect(it().events).toContainEqual({
      kind: 'skipped',
      topic: 'overtaken',
      partition: 0,
      from: 0,
      to: first?.offset,
    });
  });

  test('a compacted topic keeps last values when their segments are dropped, and is read from the start', async () => {
    await it().log.createTopics([
      { name: 'kept', partitions: 1, retentionMs: null, compaction: { minLagMs: segmentMs } },
    ]);
    for (const round of ['old', 'new']) {
      now += segmentMs;
      await it().log.append(
        'kept',
        ['a', 'b', 'c'].map((key) => record(key, `${key} ${round}`)),
      );
    }
    await it().log.append('kept', [record('b', null)]);
    now += 10 * segmentMs;
    await it().log.expire();
    await it().log.append('kept', [record('d', 'd live')]);
    expect((await readAll(it().log, 'kept')).map(textOf)).toEqual(['a new', 'c new', null, 'd live']);
    expect(await it().log.bounds('kept')).toMatchObject([{ start: 0 }]);
    const latest = await it().log.latest('kept', ['a', 'b', 'd', 'unknown']);
    expect([...latest].map(([key, each]) => [key, textOf(each)]).sort()).toEqual([
      ['a', 'a new'],
      ['d', 'd live'],
    ]);
    await expect(it().log.deleteBefore({ topic: 'kept', partition: 0, offset: 1 })).rejects.toThrow(
      'compacted',
    );
  });

  test('a tombstone goes a day after what it deleted could have gone', async () => {
    await it().log.createTopics([
      { name: 'buried', partitions: 1, retentionMs: null, compaction: { minLagMs: segmentMs } },
    ]);
    await it().log.append('buried', [record('a', 'value'), record('a', null), record('b', 'stays')]);
    now += 10 * segmentMs;
    await it().log.expire();
    expect((await readAll(it().log, 'buried')).map(textOf)).toEqual([null, 'stays']);
    now += 86_400_000;
    await it().log.append('buried', [record('c', 'later')]);
    now += 10 * segmentMs;
    await it().log.expire();
    await eventually(async () => {
      expect((await readAll(it().log, 'buried')).map(textOf)).toEqual(['stays', 'later']);
    }, patienceMs);
    expect([...(await it().log.latest('buried', ['a', 'b', 'c'])).keys()].sort()).toEqual(['b', 'c']);
  });

  test('a last value that is past the retention of its topic goes, and so does what leads to it', async () => {
    const topic = 'aging';
    const retentionMs = 20 * segmentMs;
    await it().log.createTopics([
      { name: topic, partitions: 2, retentionMs, compaction: { minLagMs: segmentMs } },
    ]);
    await it().log.append(topic, [record('a', 'a old'), record('b', 'b old'), record('c', 'c old', 1)]);
    now += 15 * segmentMs;
    await it().log.append(topic, [record('b', 'b new')]);
    now += 4 * segmentMs;
    await it().log.expire();
    expect((await readAll(it().log, topic)).map(textOf)).toEqual(['a old', 'b new']);
    now += 2 * segmentMs;
    await it().log.append(topic, [record('d', 'd young', 1)]);
    now += 2 * segmentMs;
    await it().log.expire();
    await eventually(async () => {
      const all = [...(await readAll(it().log, topic)), ...(await readAll(it().log, topic, 1))];
      expect(all.map(textOf)).toEqual(['b new', 'd young']);
    }, patienceMs);
    expect([...(await it().log.latest(topic, ['a', 'b', 'c', 'd'])).keys()].sort()).toEqual(['b', 'd']);
    expect(await lastOffsets(topic)).toBe(2);
  });

  test('compaction goes on beside appends, and again over what it made before', async () => {
    const topic = 'busy';
    await it().log.createTopics([
      { name: topic, partitions: 2, retentionMs: null, compaction: { minLagMs: segmentMs } },
    ]);
    const last = new Map<string, string>();
    let written = 0;
    const write = async (): Promise<void> => {
      const records = Array.from({ length: 200 }, () => {
        const number = written++;
        const key = `k${(number * 7) % 300}`;
        last.set(key, `${key} ${number}`);
        return record(key, `${key} ${number}`, place(key, 2));
      });
      await it().log.append(topic, records);
    };
    for (let round = 0; round < 4; round++) {
      for (let times = 0; times < 5; times++) {
        now += segmentMs;
        await write();
      }
      now += 5 * segmentMs;
      await Promise.all([it().log.expire(), write(), write()]);
    }
    const read = (await Promise.all([readAll(it().log, topic, 0), readAll(it().log, topic, 1)])).flat();
    expect(new Map(read.map((each) => [each.key, textOf(each)]))).toEqual(last);
    expect(read.length).toBeLessThan(written / 2);
    const found = await it().log.latest(topic, [...last.keys(), 'unknown']);
    expect(new Map([...found].map(([key, each]) => [key, textOf(each)]))).toEqual(last);
    await it().restart();
    expect((await it().log.latest(topic, [...last.keys()])).size).toBe(last.size);
    expect(it().events.filter(({ kind }) => kind === 'expiry-failed')).toEqual([]);
  });

  test('what a compaction left that did not come to its end is cleared away at the next start', async () => {
    const client = createClient({ ...it().connection, database: 'firebreak_log' }, 'test');
    await client.connect();
    await client.query('create table batch_1000000 (like batch including all)');
    await it().restart();
    const { rows } = await client.query<{ name: string | null }>(
      `select to_regclass('batch_1000000')::text as name`,
    );
    await client.end();
    expect(rows).toEqual([{ name: null }]);
  });

  test('last values are paged by bytes and none is missed', async () => {
    await it().log.createTopics([
      { name: 'large', partitions: 1, retentionMs: null, compaction: { minLagMs: 0 } },
    ]);
    const value = Buffer.alloc(100_000, 'x');
    for (let from = 0; from < 60; from += 10) {
      await it().log.append(
        'large',
        numbered(from, 10).map((each) => ({ ...each, value })),
      );
    }
    now += 10 * segmentMs;
    await it().log.expire();
    expect(keysOf(await readAll(it().log, 'large'))).toEqual(keysOf(numbered(0, 60)));
  });

  test('stamps never go back, even when the clock does', async () => {
    await it().log.createTopics([{ name: 'stamped', partitions: 1, retentionMs: null, compaction: null }]);
    await it().log.append('stamped', [record('a')]);
    now -= 5 * segmentMs;
    await it().log.append('stamped', [record('b')]);
    const [a, b] = await readAll(it().log, 'stamped');
    expect(b?.appendedAt).toBeGreaterThanOrEqual(a?.appendedAt ?? Infinity);
  });

  test('a second writer is refused while the first lives', async () => {
    const { connection } = it();
    await expect(openEmbeddedLog({ connection, patienceMs: 150 })).rejects.toMatchObject({
      code: 'FB_LOG_FENCED',
    });
  });

  test('a writer that finds itself replaced stops, and its records do not mix with those of the other', async () => {
    await it().log.createTopics([{ name: 'contested', partitions: 1, retentionMs: null, compaction: null }]);
    await it().log.append('contested', [record('first')]);
    const replacing = openEmbeddedLog({ connection: it().connection });
    let replaced: unknown;
    while (replaced === undefined) {
      await it().unseat();
      await it()
        .log.append('contested', [record('of the old')])
        .catch((error: unknown) => (replaced = error));
    }
    expect(replaced).toMatchObject({ code: 'FB_LOG_FENCED' });
    const other = await replacing;
    await other.append('contested', [record('of the new')]);
    const keys = keysOf(await readAll(other, 'contested'));
    expect(keys[0]).toBe('first');
    expect(keys.at(-1)).toBe('of the new');
    expect(it().events).toContainEqual({ kind: 'fenced' });
    await other.close();
    await it().restart();
  }, 60_000);

  test('a log of a newer version is left alone', async () => {
    const client = createClient({ ...it().connection, database: 'firebreak_log' }, 'test');
    await client.connect();
    await client.query('update log_writer set format = 1000');
    await expect(it().restart()).rejects.toMatchObject({ code: 'FB_DATA_NEWER' });
    await client.query('update log_writer set format = 1');
    await client.end();
    await it().restart();
  });

  test('readers wait while the database is away and go on when it is back', async () => {
    await it().log.createTopics([{ name: 'away', partitions: 1, retentionMs: null, compaction: null }]);
    await it().log.append('away', numbered(0, 3_000));
    const seen: StoredRecord[] = [];
    for await (const { records } of it().log.read({ topic: 'away', partition: 0, offset: 0 })) {
      if (seen.length % 1_000 === 0) await it().disturb();
      seen.push(...records);
    }
    expect(keysOf(seen)).toEqual(keysOf(numbered(0, 3_000)));
  });
});
