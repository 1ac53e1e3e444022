import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaLog } from '../../../../platform/log/kafka/kafka-log.ts';
import type { PartitionRef } from '../../../../platform/log/log.ts';
import { startTestKafka, type TestKafka, type TestKafkaOptions } from '../../../support/kafka.ts';
import {
  collect,
  endOf,
  eventually,
  Gate,
  keysOf,
  numbered,
  readAll,
  record,
  textOf,
} from '../suite/fixture.ts';

const patienceMs = 60_000;
let kafka: TestKafka;
const open: KafkaLog[] = [];
let made = 0;

beforeAll(async () => {
  kafka = await startTestKafka();
}, 600_000);
afterEach(async () => {
  kafka.proxy.refuse(false);
  await Promise.all(open.splice(0).map((log) => log.close()));
}, 60_000);
afterAll(async () => kafka.stop(), 60_000);

async function openLog(options?: TestKafkaOptions): Promise<KafkaLog> {
  const log = await kafka.open(options);
  open.push(log);
  return log;
}

async function makeTopic(log: KafkaLog, partitions = 1): Promise<string> {
  const name = `kafka-${(made += 1)}`;
  await log.createTopics([{ name, partitions, retentionMs: null, compaction: null }]);
  return name;
}

describe('the log on Kafka', () => {
  test('is closed without a connection left, also when much was asked for at once before anything else', async () => {
    const first = await openLog();
    const topics = [await makeTopic(first, 4), await makeTopic(first, 4), await makeTopic(first, 4)];
    await Promise.all(topics.map((topic) => first.append(topic, numbered(0, 8))));
    await Promise.all(open.splice(0).map((log) => log.close()));
    const log = await kafka.open();
    await Promise.all(
      topics.map(async (topic) => {
        expect(await log.bounds(topic)).toHaveLength(4);
        expect(await readAll(log, topic)).toHaveLength(8);
      }),
    );
    expect(kafka.proxy.connections).toBeGreaterThan(0);
    await log.close();
    await eventually(() => expect(kafka.proxy.connections).toBe(0), patienceMs);
  });

  test('many records at a time lie compressed in the log, few do not, and both are read', async () => {
    const log = await openLog();
    const text = JSON.stringify({ a: 'text that repeats itself, as JSON does' });
    const written = async (records: number): Promise<Buffer> => {
      const topic = await makeTopic(log);
      const sent = Array.from({ length: records }, (_, n) => record(`k${n}`, `${n} ${text}`));
      await log.append(topic, sent);
      expect((await readAll(log, topic)).map(textOf)).toEqual(sent.map(textOf));
      return kafka.segment(topic);
    };
    const [few, many] = [await written(3), await written(900)];
    // The lowest bits of what a batch says of itself: LZ4 is 3 (Kafka protocol guide, "Record Batch").
    expect([few, many].map((batch) => batch.readInt16BE(21) & 7)).toEqual([0, 3]);
    expect(few.length).toBeGreaterThan(3 * text.length);
    expect(many.length).toBeLessThan((900 * text.length) / 2);
  });

  test('what a broker that was killed had acknowledged is there, once, and everybody goes on', async () => {
    const log = await openLog({ patienceMs: 60_000 });
    const topic = await makeTopic(log);
    const seen = new Set<string>();
    const { consumer } = await collect(log, `${topic}-g`, topic, {
      handle: (batch, own) => {
        for (const key of keysOf(batch.records)) seen.add(key);
        own.commit(endOf(batch));
      },
    });
    const acknowledged: string[] = [];
    const appending = (async () => {
      for (const each of numbered(0, 600)) {
        await log.append(topic, [each]);
        acknowledged.push(each.key);
      }
    })();
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(200), patienceMs);
    await kafka.kill();
    await appending;
    expect(keysOf(await readAll(log, topic))).toEqual(acknowledged);
    await eventually(() => expect(seen).toEqual(new Set(acknowledged)), patienceMs);
    await eventually(
      async () => expect(await log.lag(`${topic}-g`, [topic])).toMatchObject([{ lag: 0 }]),
      patienceMs,
    );
    await consumer.stop();
  }, 180_000);

  test('an append that Kafka does not answer fails in time, and what comes after it is not taken for it', async () => {
    const log = await openLog({ patienceMs: 1000 });
    const topic = await makeTopic(log);
    await log.append(topic, numbered(0, 3));
    kafka.proxy.refuse(true);
    kafka.proxy.cut();
    await expect(log.append(topic, numbered(3, 3))).rejects.toMatchObject({
      code: 'FB_LOG_UNAVAILABLE',
      retryable: true,
    });
    kafka.proxy.refuse(false);
    // As many records as those that failed: a producer that had lost count would have them taken for a repetition.
    await log.append(topic, numbered(6, 3));
    const keys = keysOf(await readAll(log, topic));
    expect(keys.slice(0, 3)).toEqual(['n0', 'n1', 'n2']);
    expect(keys.slice(-3)).toEqual(['n6', 'n7', 'n8']);
  }, 60_000);

  test('a member that is silent for a session loses everything, not clean, and its commits say nothing', async () => {
    const silent = await openLog({ sessionTimeoutMs: 1500 });
    const topic = await makeTopic(silent, 2);
    await silent.append(topic, [...numbered(0, 10, 0), ...numbered(10, 10, 1)]);
    const losses: { readonly partitions: readonly PartitionRef[]; readonly clean: boolean }[] = [];
    let gains = 0;
    const first = await collect(silent, `${topic}-g`, topic, {
      onGained: () => void (gains += 1),
      onLost: (partitions, clean) => void losses.push({ partitions, clean }),
    });
    await eventually(() => expect(first.seen).toHaveLength(20), patienceMs);
    const heir = await openLog({ direct: true });
    kafka.proxy.refuse(true);
    kafka.proxy.cut();
    const second = await collect(heir, `${topic}-g`, topic, { settle: true });
    await eventually(() => expect(second.seen).toHaveLength(20), patienceMs);
    await eventually(() => expect(losses).toMatchObject([{ clean: false }]), patienceMs);
    first.consumer.commit({ topic, partition: 0, offset: 3 });
    expect(kafka.events.some(({ kind }) => kind === 'evicted')).toBe(true);
    kafka.proxy.refuse(false);
    // Back again, it takes its share from where the heir has committed.
    const before = first.seen.length;
    await eventually(() => expect(gains).toBe(2), patienceMs);
    await heir.append(topic, [...numbered(20, 5, 0), ...numbered(25, 5, 1)]);
    await eventually(() => expect(first.seen.length).toBeGreaterThan(before), patienceMs);
    expect(keysOf(first.seen.slice(before)).every((key) => Number(key.slice(1)) >= 20)).toBe(true);
    expect((await heir.lag(`${topic}-g`, [topic])).every(({ committed }) => (committed ?? 0) >= 10)).toBe(
      true,
    );
  }, 120_000);

  test('a commit that no coordinator takes for long is taken in the end, on a partition that has come to rest', async () => {
    const log = await openLog({ sessionTimeoutMs: 60_000 });
    const beside = await openLog({ direct: true });
    const topic = await makeTopic(log, 2);
    const group = `${topic}-g`;
    await log.append(topic, [...numbered(0, 5, 0), ...numbered(5, 5, 1)]);
    const { consumer, seen } = await collect(log, group, topic);
    await eventually(() => expect(seen).toHaveLength(10), patienceMs);
    const failures = () =>
      kafka.events.filter((event) => event.kind === 'commit-failed' && event.group === group);
    kafka.proxy.refuse(true);
    kafka.proxy.cut();
    for (const partition of [0, 1]) consumer.commit({ topic, partition, offset: 3 });
    await eventually(() => expect(failures().length).toBeGreaterThan(1), patienceMs);
    for (const partition of [0, 1]) consumer.commit({ topic, partition, offset: 5 });
    kafka.proxy.refuse(false);
    await eventually(
      async () => expect(await beside.lag(group, [topic])).toMatchObject([{ lag: 0 }, { lag: 0 }]),
      patienceMs,
    );
    expect(seen).toHaveLength(10);
    await consumer.stop();
  }, 120_000);

  test('a partition that moves is let go, committed and all, before its new owner begins', async () => {
    const log = await openLog();
    const topic = await makeTopic(log, 4);
    const group = `${topic}-g`;
    const handled = new Map<string, number>();
    const overlaps: string[] = [];
    const owners = new Map<number, string>();
    const member = (name: string) =>
      collect(log, group, topic, {
        maxBatchRecords: 5,
        onGained: (refs) => {
          for (const { partition } of refs) {
            if (owners.has(partition))
              overlaps.push(`${name} gained ${partition} of ${owners.get(partition)}`);
            owners.set(partition, name);
          }
        },
        onLost: async (refs, clean) => {
          if (!clean) overlaps.push(`${name} lost something unclean`);
          await sleep(100);
          for (const { partition } of refs) owners.delete(partition);
        },
        handle: async (batch, consumer) => {
          for (const key of keysOf(batch.records)) {
            handled.set(key, (handled.get(key) ?? 0) + 1);
          }
          consumer.commit(endOf(batch));
        },
      });
    let appended = 0;
    const appendSome = async (): Promise<void> => {
      for (let partition = 0; partition < 4; partition += 1, appended += 50)
        await log.append(topic, numbered(appended, 50, partition));
    };
    const members = [await member('a')];
    for (const name of ['b', 'c', 'd', 'e']) {
      await appendSome();
      members.push(await member(name));
    }
    for (const { consumer } of members.splice(0, 3)) {
      await appendSome();
      await consumer.stop();
    }
    await appendSome();
    await eventually(() => expect(handled.size).toBe(appended), patienceMs);
    expect(overlaps).toEqual([]);
    // Nobody was evicted and every hand-over was clean, so nothing was handled twice.
    expect([...handled.values()].filter((times) => times > 1)).toEqual([]);
    await Promise.all(members.map(({ consumer }) => consumer.stop()));
  }, 120_000);

  test('a handler that does not return is told of, and what stands still is named until it goes on', async () => {
    const log = await openLog({ stuckAfterMs: 200 });
    const topic = await makeTopic(log);
    const gate = new Gate();
    const { consumer } = await collect(log, `${topic}-g`, topic, { handle: () => gate.passed });
    await log.append(topic, numbered(0, 1));
    await eventually(() => expect(log.stuckAt).toEqual({ topic, partition: 0 }), patienceMs);
    expect(kafka.events.filter((event) => event.kind === 'stuck' && event.topic === topic)).toHaveLength(1);
    gate.open();
    await eventually(() => expect(log.stuckAt).toBeNull(), patienceMs);
    await consumer.stop();
  });

  test('more than may wait is refused at once, and what waited lands', async () => {
    const log = await openLog({ maxQueueBytes: 100_000 });
    const topic = await makeTopic(log);
    const value = Buffer.alloc(30_000);
    const appends = Array.from({ length: 6 }, (_, index) =>
      log.append(topic, [{ ...record(`n${index}`), value }]).then(
        () => 'landed',
        (error: unknown) => (error as { readonly code: string }).code,
      ),
    );
    const outcomes = await Promise.all(appends);
    expect(outcomes).toContain('FB_LOG_FULL');
    expect(await readAll(log, topic)).toHaveLength(outcomes.filter((outcome) => outcome === 'landed').length);
  });

  test('a connection that rests plans no work', async () => {
    const log = await openLog();
    const topic = await makeTopic(log);
    await log.append(topic, numbered(0, 1));
    const real = globalThis.setTimeout;
    let planned = 0;
    globalThis.setTimeout = Object.assign((...args: Parameters<typeof real>) => {
      planned += 1;
      return real(...args);
    }, real);
    try {
      await new Promise((resolve) => setImmediate(resolve));
      await sleep(500);
    } finally {
      globalThis.setTimeout = real;
    }
    // Every millisecond on each of six connections would be thousands.
    expect(planned).toBeLessThan(50);
  });

  test('the parts of an append that is larger than a request all land, in order', async () => {
    const log = await openLog();
    const topic = await makeTopic(log, 2);
    const value = Buffer.alloc(300_000, 'x');
    const records = numbered(0, 40).map((each, index) => ({ ...each, partition: index % 2, value }));
    const positions = await log.append(topic, records);
    for (const partition of [0, 1]) {
      const stored = await readAll(log, topic, partition);
      expect(keysOf(stored)).toEqual(keysOf(records.filter((each) => each.partition === partition)));
      expect(positions.filter((each) => each.partition === partition).map(({ offset }) => offset)).toEqual(
        stored.map(({ offset }) => offset),
      );
    }
  }, 60_000);
});
