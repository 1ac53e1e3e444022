import { expect, test } from '@jest/globals';
import {
  collect,
  eventually,
  expectGrowing,
  keysOf,
  makeTopic,
  numbered,
  readAll,
  type It,
} from './fixture.ts';

export function reading(it: It): void {
  test('a read ends where the partition ended when it began, or where it is told to', async () => {
    const topic = await makeTopic(it());
    const positions = await it().log.append(topic, numbered(0, 10));
    const keys: string[] = [];
    for await (const { records } of it().log.read({
      topic,
      partition: 0,
      offset: positions[2]?.offset ?? NaN,
    })) {
      if (keys.length === 0) await it().log.append(topic, numbered(10, 5));
      keys.push(...keysOf(records));
    }
    expect(keys).toEqual(keysOf(numbered(2, 8)));
    const until = positions[4]?.offset ?? NaN;
    const some: string[] = [];
    for await (const { records } of it().log.read({ topic, partition: 0, offset: 0 }, until))
      some.push(...keysOf(records));
    expect(some).toEqual(keysOf(numbered(0, 4)));
  });

  test('a reader may leave early', async () => {
    const topic = await makeTopic(it());
    await it().log.append(topic, numbered(0, 2_000));
    for await (const { records } of it().log.read({ topic, partition: 0, offset: 0 })) {
      expect(keysOf(records)[0]).toBe('n0');
      break;
    }
  });

  test('a follower is told once when it has handled what stood there, then goes on live', async () => {
    const topic = await makeTopic(it(), { partitions: 2 });
    await it().log.append(topic, [...numbered(0, 700, 0), ...numbered(700, 10, 1)]);
    const keys: string[] = [];
    const reachedAt: number[] = [];
    const stop = new AbortController();
    const following = it().log.follow({
      from: [0, 1].map((partition) => ({ topic, partition, offset: 0 })),
      handle: ({ records }) => void keys.push(...keysOf(records)),
      onReached: () => reachedAt.push(keys.length),
      signal: stop.signal,
    });
    await eventually(() => expect(reachedAt).toEqual([710]), it().patienceMs);
    await it().log.append(topic, numbered(710, 5, 1));
    await eventually(() => expect(keys).toHaveLength(715), it().patienceMs);
    stop.abort();
    await following;
    await it().log.append(topic, numbered(715, 1));
    expect(keys).toHaveLength(715);
    expect(reachedAt).toHaveLength(1);
  });

  test('a follower of what is empty has reached its end at once', async () => {
    const topic = await makeTopic(it());
    const stop = new AbortController();
    let reached = 0;
    const following = it().log.follow({
      from: [{ topic, partition: 0, offset: 0 }],
      handle: () => undefined,
      onReached: () => reached++,
      signal: stop.signal,
    });
    await eventually(() => expect(reached).toBe(1), it().patienceMs);
    stop.abort();
    await following;
  });

  test('what the handler of a follower throws is what following rejects with', async () => {
    const topic = await makeTopic(it());
    await it().log.append(topic, numbered(0, 1));
    const following = it().log.follow({
      from: [{ topic, partition: 0, offset: 0 }],
      handle: () => {
        throw new Error('a bug');
      },
      signal: new AbortController().signal,
    });
    await expect(following).rejects.toThrow('a bug');
  });

  test('bounds and ends say where a partition begins and ends', async () => {
    const topic = await makeTopic(it(), { partitions: 2 });
    const before = await it().log.bounds(topic);
    expect(before.map(({ start, end }) => end - start)).toEqual([0, 0]);
    const positions = await it().log.append(topic, numbered(0, 3, 1));
    const after = await it().log.bounds(topic);
    expect(after[0]).toEqual(before[0]);
    expect(after[1]?.end).toBeGreaterThan(positions[2]?.offset ?? Infinity);
    expect(await it().log.ends(topic)).toEqual(after.map(({ end }) => end));
  });

  test('a slow reader and a fast one see the same, whatever the one misses in memory', async () => {
    const topic = await makeTopic(it());
    const fast = await collect(it().log, `${topic}-fast`, topic);
    const slow = await collect(it().log, `${topic}-slow`, topic, { maxBatchRecords: 11 });
    slow.consumer.pause([{ topic, partition: 0 }]);
    const value = Buffer.alloc(20_000, 'x');
    for (let index = 0; index < 400; index += 20) {
      await it().log.append(
        topic,
        numbered(index, 20).map((each) => ({ ...each, value })),
      );
    }
    await eventually(() => expect(fast.seen).toHaveLength(400), it().patienceMs);
    slow.consumer.resume([{ topic, partition: 0 }]);
    await eventually(() => expect(slow.seen).toHaveLength(400), it().patienceMs);
    expect(keysOf(slow.seen)).toEqual(keysOf(fast.seen));
    expectGrowing(slow.seen);
    expect(keysOf(await readAll(it().log, topic))).toEqual(keysOf(fast.seen));
    await Promise.all([fast.consumer.stop(), slow.consumer.stop()]);
  });
}
