import { expect, test } from '@jest/globals';
import {
  collect,
  eventually,
  keysOf,
  makeTopic,
  numbered,
  readAll,
  record,
  textOf,
  type It,
} from './fixture.ts';

export function forgetting(it: It): void {
  test('after deleteBefore the partition begins there', async () => {
    const topic = await makeTopic(it());
    const positions = await it().log.append(topic, numbered(0, 10));
    const offset = positions[6]?.offset ?? NaN;
    await it().log.deleteBefore({ topic, partition: 0, offset });
    expect(await it().log.bounds(topic)).toMatchObject([{ start: offset }]);
    expect(keysOf(await readAll(it().log, topic))).toEqual(keysOf(numbered(6, 4)));
  });

  test('a group whose committed offset is gone starts where `from` says', async () => {
    const topic = await makeTopic(it());
    const positions = await it().log.append(topic, numbered(0, 10));
    for (const group of ['earliest', 'latest'] as const) {
      const { consumer } = await collect(it().log, `${topic}-${group}`, topic);
      consumer.commit({ topic, partition: 0, offset: positions[1]?.offset ?? NaN });
      await consumer.stop();
    }
    await it().log.deleteBefore({ topic, partition: 0, offset: positions[8]?.offset ?? NaN });
    const earliest = await collect(it().log, `${topic}-earliest`, topic, { from: 'earliest' });
    const latest = await collect(it().log, `${topic}-latest`, topic, { from: 'latest' });
    await eventually(() => expect(keysOf(earliest.seen)).toEqual(['n8', 'n9']), it().patienceMs);
    await it().log.append(topic, numbered(10, 1));
    await eventually(() => expect(keysOf(latest.seen)).toContain('n10'), it().patienceMs);
    expect(keysOf(latest.seen)).toEqual(['n10']);
    await Promise.all([earliest.consumer.stop(), latest.consumer.stop()]);
  });

  test('compaction keeps the last value of every key, in order of offset', async () => {
    const topic = await makeTopic(it(), { compaction: { minLagMs: 0 } });
    for (let round = 0; round < 5; round++) {
      await it().log.append(
        topic,
        ['a', 'b', 'c', 'd'].map((key) => record(key, `${key}${round}`)),
      );
    }
    await it().log.append(topic, [record('b', null), record('a', 'last')]);
    await it().compact(topic);
    await it().log.append(topic, [record('c', 'after')]);
    const last = new Map<string, string | null>();
    const offsets: number[] = [];
    for (const each of await readAll(it().log, topic)) {
      last.set(each.key, textOf(each));
      offsets.push(each.offset);
    }
    // A deleted key is gone, or still told to be.
    expect([...last].filter(([, text]) => text !== null).sort()).toEqual([
      ['a', 'last'],
      ['c', 'after'],
      ['d', 'd4'],
    ]);
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });

  test('a compacted topic that is given a retention forgets what was not written again', async () => {
    const compaction = { minLagMs: 0 };
    const topic = await makeTopic(it(), { compaction });
    await it().log.append(topic, [record('a', 'a old'), record('b', 'b old')]);
    await it().log.createTopics([{ name: topic, partitions: 1, retentionMs: 86_400_000, compaction }]);
    expect(keysOf(await readAll(it().log, topic))).toEqual(['a', 'b']);
    await it().age(topic);
    // What it has in memory may still be read.
    await it().restart();
    await it().log.append(topic, [record('b', 'b new'), record('c', 'c new')]);
    const there = (await readAll(it().log, topic)).filter(({ value }) => value !== null);
    expect(there.map(textOf)).toEqual(['b new', 'c new']);
    const { consumer, seen } = await collect(it().log, `${topic}-g`, topic);
    await eventually(() => expect(keysOf(seen)).toEqual(expect.arrayContaining(['b', 'c'])), it().patienceMs);
    expect(seen.map(textOf)).not.toContain('b old');
    await consumer.stop();
  });

  test('a reader in the middle of a compacted topic misses no last value', async () => {
    const topic = await makeTopic(it(), { compaction: { minLagMs: 0 } });
    const positions = await it().log.append(topic, numbered(0, 30));
    await it().log.append(topic, numbered(10, 5));
    await it().compact(topic);
    const read = await readAll(it().log, topic, 0, positions[10]?.offset ?? NaN);
    const seen = keysOf(read.filter(({ value }) => value !== null));
    expect(new Set(seen)).toEqual(new Set(keysOf(numbered(10, 20))));
  });
}
