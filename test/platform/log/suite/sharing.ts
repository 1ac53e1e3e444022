import { expect, test } from '@jest/globals';
import type { ConsumeOptions, Consumer, PartitionRef } from '../../../../platform/log/log.ts';
import { collect, endOf, eventually, Gate, keysOf, makeTopic, numbered, type It } from './fixture.ts';

const spread = (count: number, partitions: number) =>
  numbered(0, count).map((each, index) => ({ ...each, partition: index % partitions }));

export function sharing(it: It): void {
  test('a second member joins and leaves: every partition has one owner, and nothing is skipped', async () => {
    const partitions = 4;
    const topic = await makeTopic(it(), { partitions });
    const group = `${topic}-g`;
    const owners = Array.from({ length: partitions }, () => new Set<string>());
    const keys = new Set<string>();
    const join = (name: string): Promise<Consumer> => {
      const options: Omit<ConsumeOptions, 'group' | 'topics' | 'from' | 'onFailed'> = {
        onGained: (refs) => refs.forEach(({ partition }) => owners[partition]?.add(name)),
        onLost: (refs) => refs.forEach(({ partition }) => owners[partition]?.delete(name)),
        handle: (batch, consumer) => {
          for (const key of keysOf(batch.records)) keys.add(key);
          consumer.commit(endOf(batch));
        },
      };
      return collect(it().log, group, topic, options).then(({ consumer }) => consumer);
    };
    const ownersAre = (wanted: readonly string[]) => () => {
      for (const names of owners) expect(names.size).toBe(1);
      expect([...new Set(owners.flatMap((names) => [...names]))].sort()).toEqual(wanted);
    };

    const first = await join('first');
    await it().log.append(topic, spread(200, partitions));
    const appending = it().log.append(topic, spread(400, partitions));
    const second = await join('second');
    await appending;
    await eventually(ownersAre(['first', 'second']), it().patienceMs);
    await it().log.append(topic, spread(600, partitions));
    await first.stop();
    await eventually(ownersAre(['second']), it().patienceMs);
    await eventually(() => expect(keys.size).toBe(600), it().patienceMs);
    await second.stop();
    expect(owners.every((names) => names.size === 0)).toBe(true);
  });

  test('topics that are split alike go to the same member, partition by partition', async () => {
    const topics = [await makeTopic(it(), { partitions: 3 }), await makeTopic(it(), { partitions: 3 })];
    const [topic = ''] = topics;
    const owned = [new Set<string>(), new Set<string>()];
    const members = await Promise.all(
      owned.map((mine) =>
        collect(it().log, `${topic}-g`, topic, {
          topics,
          onGained: (refs) => refs.forEach((ref) => mine.add(nameOf(ref))),
          onLost: (refs) => refs.forEach((ref) => mine.delete(nameOf(ref))),
        }),
      ),
    );
    await eventually(() => {
      expect(owned.reduce((sum, { size }) => sum + size, 0)).toBe(6);
      for (const mine of owned) {
        expect(mine.size).toBeGreaterThan(0);
        for (const name of mine)
          for (const each of topics)
            expect(mine).toContain(nameOf({ topic: each, partition: Number(name.split('/')[1]) }));
      }
    }, it().patienceMs);
    await Promise.all(members.map(({ consumer }) => consumer.stop()));
  });

  test('gained is told before the first batch, lost after the last handler, and a clean loss still takes a commit', async () => {
    const topic = await makeTopic(it());
    const group = `${topic}-g`;
    await it().log.append(topic, numbered(0, 5));
    const told: string[] = [];
    const gate = new Gate();
    const { consumer } = await collect(it().log, group, topic, {
      onGained: async () => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        told.push('gained');
      },
      handle: async () => {
        told.push('begun');
        await gate.passed;
        told.push('done');
      },
      onLost: async (refs, clean, own) => {
        told.push('lost');
        if (clean)
          for (const ref of refs) own.commit({ ...ref, offset: (await it().log.ends(topic))[0] ?? 0 });
      },
    });
    await eventually(() => expect(told).toEqual(['gained', 'begun']), it().patienceMs);
    const stopping = consumer.stop();
    gate.open();
    await stopping;
    expect(told).toEqual(['gained', 'begun', 'done', 'lost']);
    expect(await it().log.lag(group, [topic])).toMatchObject([{ lag: 0 }]);
  });

  test('a commit for a partition that is no longer ours says nothing', async () => {
    const topic = await makeTopic(it());
    const group = `${topic}-g`;
    const [first] = await it().log.append(topic, numbered(0, 2));
    const [former, next] = [await collect(it().log, group, topic), await collect(it().log, group, topic)];
    await former.consumer.stop();
    former.consumer.commit({ topic, partition: 0, offset: (first?.offset ?? NaN) + 1 });
    await eventually(() => expect(next.seen).toHaveLength(2), it().patienceMs);
    await next.consumer.stop();
    expect(await it().log.lag(group, [topic])).toMatchObject([{ committed: null }]);
  });
}

function nameOf({ topic, partition }: PartitionRef): string {
  return `${topic}/${partition}`;
}
