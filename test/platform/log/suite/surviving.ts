import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  collect,
  eventually,
  expectGrowing,
  keysOf,
  makeTopic,
  numbered,
  readAll,
  record,
  type It,
} from './fixture.ts';
import { LogModel, logCommands, stopMember, type RealLog } from './log-model.ts';

export function surviving(it: It): void {
  test('a restart keeps records and commits, and offsets go on growing', async () => {
    const topic = await makeTopic(it());
    const group = `${topic}-g`;
    const before = await it().log.append(topic, numbered(0, 10));
    const first = await collect(it().log, group, topic, { settle: true });
    await eventually(
      async () => expect(await it().log.lag(group, [topic])).toMatchObject([{ lag: 0 }]),
      it().patienceMs,
    );
    await first.consumer.stop();
    await it().restart();
    const after = await it().log.append(topic, numbered(10, 1));
    expect(after[0]?.offset).toBeGreaterThan(before[9]?.offset ?? Infinity);
    const records = await readAll(it().log, topic);
    expect(keysOf(records)).toEqual(keysOf(numbered(0, 11)));
    expectGrowing(records);
    const second = await collect(it().log, group, topic);
    await eventually(() => expect(keysOf(second.seen)).toEqual(['n10']), it().patienceMs);
    await second.consumer.stop();
  });

  test('nothing that was acknowledged is lost when connections break, and consumers go on', async () => {
    const topic = await makeTopic(it());
    const { consumer, seen } = await collect(it().log, `${topic}-g`, topic, { settle: true });
    const acknowledged: string[] = [];
    const appendSome = async (from: number): Promise<void> => {
      for (const each of numbered(from, 100)) {
        await it().log.append(topic, [each]);
        acknowledged.push(each.key);
      }
    };
    const appending = Promise.all([0, 100, 200, 300].map(appendSome));
    for (const count of [40, 120, 240]) {
      await eventually(() => expect(acknowledged.length).toBeGreaterThan(count), it().patienceMs);
      await it().disturb();
    }
    await appending;
    const records = await readAll(it().log, topic);
    expect(new Set(keysOf(records))).toEqual(new Set(acknowledged));
    expectGrowing(records);
    await eventually(() => expect(new Set(keysOf(seen))).toEqual(new Set(acknowledged)), it().patienceMs);
    await consumer.stop();
  });

  test('appended, committed, paused, sought, broken and restarted in any order, it does what the model does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(logCommands(), { maxCommands: 40 }), async (commands) => {
        const topic = await makeTopic(it());
        const model = new LogModel();
        const real: RealLog = { fixture: it(), topic, member: undefined };
        try {
          await fc.asyncModelRun(() => ({ model, real }), commands);
        } finally {
          await stopMember(real);
        }
      }),
      { numRuns: 12 },
    );
  }, 180_000);

  test('a closed log takes nothing, and ends who reads it', async () => {
    const topic = await makeTopic(it());
    const closed = it().log;
    const { seen } = await collect(closed, `${topic}-g`, topic);
    await closed.append(topic, [record('in')]);
    await eventually(() => expect(seen).toHaveLength(1), it().patienceMs);
    const following = closed.follow({
      from: [{ topic, partition: 0, offset: 0 }],
      handle: () => undefined,
      signal: new AbortController().signal,
    });
    await it().restart();
    await following;
    await expect(closed.append(topic, [record('out')])).rejects.toMatchObject({ code: 'FB_NOT_READY' });
    expect(keysOf(await readAll(it().log, topic))).toEqual(['in']);
  });
}
