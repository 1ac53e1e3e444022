import { expect, test } from '@jest/globals';
import { FirebreakError } from '../../../../contracts/errors.ts';
import { collect, endOf, eventually, Gate, keysOf, makeTopic, numbered, type It } from './fixture.ts';

export function consuming(it: It): void {
  test('a group sees everything from the earliest, then what comes, one batch at a time per partition', async () => {
    const topic = await makeTopic(it(), { partitions: 2 });
    await it().log.append(topic, [...numbered(0, 50, 0), ...numbered(50, 50, 1)]);
    const keys: string[] = [];
    const running = new Set<number>();
    const { consumer } = await collect(it().log, `${topic}-g`, topic, {
      maxBatchRecords: 7,
      handle: async ({ records, partition }) => {
        expect(running.has(partition)).toBe(false);
        running.add(partition);
        expect(records.length).toBeLessThanOrEqual(7);
        await new Promise((resolve) => setImmediate(resolve));
        keys.push(...keysOf(records));
        running.delete(partition);
      },
    });
    await eventually(() => expect(keys).toHaveLength(100), it().patienceMs);
    await it().log.append(topic, numbered(100, 50, 1));
    await eventually(() => expect(keys).toHaveLength(150), it().patienceMs);
    await consumer.stop();
    expect(new Set(keys).size).toBe(150);
  });

  test('partitions are handled in parallel', async () => {
    const topic = await makeTopic(it(), { partitions: 2 });
    const gate = new Gate();
    const handled: number[] = [];
    const { consumer } = await collect(it().log, `${topic}-g`, topic, {
      handle: async ({ partition }) => {
        if (partition === 0) await gate.passed;
        handled.push(partition);
      },
    });
    await it().log.append(topic, [...numbered(0, 1, 0), ...numbered(1, 1, 1)]);
    await eventually(() => expect(handled).toEqual([1]), it().patienceMs);
    gate.open();
    await eventually(() => expect(handled).toEqual([1, 0]), it().patienceMs);
    await consumer.stop();
  });

  test('a batch whose handler found something away comes again, until it is done, and keeps no other from coming', async () => {
    const topic = await makeTopic(it(), { partitions: 2 });
    const away = new FirebreakError('FB_LOG_UNAVAILABLE', 'Away, as a test wants it.');
    let [gains, failures] = [0, 0];
    const keys: string[] = [];
    const failed: unknown[] = [];
    const { consumer } = await collect(it().log, `${topic}-g`, topic, {
      onFailed: (error) => failed.push(error),
      onGained: () => {
        gains += 1;
        if (gains < 3) throw away;
      },
      handle: ({ partition, records }) => {
        if (partition === 1 && failures < 3) {
          failures += 1;
          throw away;
        }
        keys.push(...keysOf(records));
      },
    });
    await it().log.append(topic, [...numbered(0, 5, 0), ...numbered(5, 5, 1)]);
    await eventually(() => expect([...keys].sort()).toEqual(keysOf(numbered(0, 10))), it().patienceMs);
    expect([gains, failures]).toEqual([3, 3]);
    expect(failed).toEqual([]);
    await consumer.stop();
  });

  test('a consumer whose handler finds something away can be stopped', async () => {
    const topic = await makeTopic(it());
    let attempts = 0;
    const failed: unknown[] = [];
    const { consumer } = await collect(it().log, `${topic}-g`, topic, {
      onFailed: (error) => failed.push(error),
      handle: () => {
        attempts += 1;
        throw new FirebreakError('FB_LOG_UNAVAILABLE', 'Away for ever, as a test wants it.');
      },
    });
    await it().log.append(topic, numbered(0, 1));
    await eventually(() => expect(attempts).toBeGreaterThan(1), it().patienceMs);
    await consumer.stop();
    expect(failed).toEqual([]);
  });

  test('a group that begins with the latest sees only what comes after', async () => {
    const topic = await makeTopic(it());
    await it().log.append(topic, numbered(0, 10));
    const { consumer, seen } = await collect(it().log, `${topic}-g`, topic, { from: 'latest' });
    await it().log.append(topic, numbered(10, 5));
    await eventually(() => expect(seen).toHaveLength(5), it().patienceMs);
    await consumer.stop();
    expect(keysOf(seen)).toEqual(keysOf(numbered(10, 5)));
  });

  test('the return of a handler commits nothing: the next member sees it all again', async () => {
    const topic = await makeTopic(it());
    const group = `${topic}-g`;
    await it().log.append(topic, numbered(0, 20));
    const first = await collect(it().log, group, topic);
    await eventually(() => expect(first.seen).toHaveLength(20), it().patienceMs);
    expect(await it().log.lag(group, [topic])).toEqual([{ topic, partition: 0, committed: null, lag: 20 }]);
    await first.consumer.stop();
    const second = await collect(it().log, group, topic);
    await eventually(() => expect(second.seen).toHaveLength(20), it().patienceMs);
    await second.consumer.stop();
  });

  test('a new member begins where was committed and never earlier', async () => {
    const topic = await makeTopic(it());
    const group = `${topic}-g`;
    const positions = await it().log.append(topic, numbered(0, 20));
    const first = await collect(it().log, group, topic);
    await eventually(() => expect(first.seen).toHaveLength(20), it().patienceMs);
    const offset = positions[12]?.offset ?? NaN;
    for (const { offset: earlier = NaN } of positions.slice(0, 12))
      first.consumer.commit({ topic, partition: 0, offset: earlier });
    first.consumer.commit({ topic, partition: 0, offset });
    await first.consumer.stop();
    expect(await it().log.lag(group, [topic])).toMatchObject([{ committed: offset, lag: 8 }]);
    const second = await collect(it().log, group, topic);
    await eventually(() => expect(second.seen).toHaveLength(8), it().patienceMs);
    await second.consumer.stop();
    expect(keysOf(second.seen)).toEqual(keysOf(numbered(12, 8)));
  });

  test('a commit is taken in the end though connections break, and though nothing is appended after it', async () => {
    const topic = await makeTopic(it());
    const group = `${topic}-g`;
    const positions = await it().log.append(topic, numbered(0, 6));
    const { consumer, seen } = await collect(it().log, group, topic);
    await eventually(() => expect(seen).toHaveLength(6), it().patienceMs);
    for (const { offset } of positions) {
      consumer.commit({ topic, partition: 0, offset: offset + 1 });
      await it().disturb();
      await eventually(
        async () => expect(await it().log.lag(group, [topic])).toMatchObject([{ committed: offset + 1 }]),
        it().patienceMs,
      );
    }
    await consumer.stop();
  });

  test('the lag is what was appended, and nothing after the drain', async () => {
    const topic = await makeTopic(it(), { partitions: 2 });
    const group = `${topic}-g`;
    await it().log.append(topic, [...numbered(0, 5, 0), ...numbered(5, 3, 1)]);
    const lags = async () => (await it().log.lag(group, [topic])).map(({ lag }) => lag);
    expect(await lags()).toEqual([5, 3]);
    const { consumer } = await collect(it().log, group, topic, { settle: true });
    await eventually(async () => expect(await lags()).toEqual([0, 0]), it().patienceMs);
    await consumer.stop();
  });

  test('a paused partition gets no new batch until it is resumed', async () => {
    const topic = await makeTopic(it(), { partitions: 2 });
    const { consumer, seen } = await collect(it().log, `${topic}-g`, topic);
    consumer.pause([{ topic, partition: 0 }]);
    await it().log.append(topic, numbered(0, 3, 0));
    await it().log.append(topic, numbered(3, 3, 1));
    await eventually(() => expect(keysOf(seen)).toEqual(['n3', 'n4', 'n5']), it().patienceMs);
    consumer.resume([{ topic, partition: 0 }]);
    await eventually(() => expect(keysOf(seen).slice(3)).toEqual(['n0', 'n1', 'n2']), it().patienceMs);
    await consumer.stop();
  });

  test('after a seek the next batch begins there', async () => {
    const topic = await makeTopic(it());
    const positions = await it().log.append(topic, numbered(0, 10));
    const { consumer, seen } = await collect(it().log, `${topic}-g`, topic);
    await eventually(() => expect(seen).toHaveLength(10), it().patienceMs);
    consumer.seek({ topic, partition: 0, offset: positions[7]?.offset ?? NaN });
    await eventually(() => expect(keysOf(seen).slice(10)).toEqual(['n7', 'n8', 'n9']), it().patienceMs);
    await consumer.stop();
  });

  test('a handler that throws ends its consumer; what it had not committed comes again', async () => {
    const topic = await makeTopic(it());
    const group = `${topic}-g`;
    await it().log.append(topic, numbered(0, 10));
    const failures: unknown[] = [];
    await collect(it().log, group, topic, {
      maxBatchRecords: 4,
      onFailed: (error) => failures.push(error),
      handle: async (batch, consumer) => {
        if (batch.records.some(({ key }) => key === 'n5')) throw new Error('a bug');
        consumer.commit(endOf(batch));
      },
    });
    await eventually(() => expect(failures).toMatchObject([{ message: 'a bug' }]), it().patienceMs);
    const next = await collect(it().log, group, topic);
    await eventually(() => expect(keysOf(next.seen)).toContain('n9'), it().patienceMs);
    await next.consumer.stop();
    expect(keysOf(next.seen)).toContain('n5');
    expect(keysOf(next.seen)).not.toContain('n0');
  });
}
