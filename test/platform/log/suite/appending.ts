import { expect, test } from '@jest/globals';
import type { TopicSpec } from '../../../../platform/log/log.ts';
import { expectGrowing, keysOf, makeTopic, numbered, readAll, record, textOf, type It } from './fixture.ts';

export function appending(it: It): void {
  test('what was appended is read back as it was, at the positions that append returned', async () => {
    const topic = await makeTopic(it());
    const before = Date.now();
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
    const positions = await it().log.append(topic, [
      { key: 'a', partition: 0, value: bytes, headers: { traceparent: '00-1', naïve: 'ключ' } },
      { key: 'ключ', partition: 0, value: new Uint8Array() },
      { key: 'gone', partition: 0, value: null },
    ]);
    const records = await readAll(it().log, topic);
    expect(keysOf(records)).toEqual(['a', 'ключ', 'gone']);
    expect(records.map(({ value }) => (value === null ? null : [...value]))).toEqual([[...bytes], [], null]);
    expect(records[0]?.headers).toEqual({ traceparent: '00-1', naïve: 'ключ' });
    expect(records[1]?.headers).toEqual({});
    expect(positions).toEqual(records.map(({ offset }) => ({ topic, partition: 0, offset })));
    expectGrowing(records);
    for (const { appendedAt } of records) {
      expect(appendedAt).toBeGreaterThanOrEqual(before - 1_000);
      expect(appendedAt).toBeLessThanOrEqual(Date.now() + 1_000);
    }
  });

  test('a value belongs to its owner again once append has resolved', async () => {
    const topic = await makeTopic(it());
    const value = Buffer.from('before');
    await it().log.append(topic, [{ key: 'k', partition: 0, value }]);
    value.fill(0);
    expect((await readAll(it().log, topic)).map(textOf)).toEqual(['before']);
  });

  test('records keep their order within a partition, and partitions keep apart', async () => {
    const topic = await makeTopic(it(), { partitions: 3 });
    const records = numbered(0, 300).map((each, index) => ({ ...each, partition: index % 3 }));
    await Promise.all([
      it().log.append(topic, records.slice(0, 150)),
      it().log.append(topic, records.slice(150)),
    ]);
    for (const partition of [0, 1, 2]) {
      const wanted = keysOf(records.filter((each) => each.partition === partition));
      expect(keysOf(await readAll(it().log, topic, partition))).toEqual(wanted);
    }
  });

  test('appends of many callers to many topics at once all land, each once', async () => {
    const topics = await Promise.all(Array.from({ length: 4 }, () => makeTopic(it())));
    await Promise.all(
      topics.flatMap((topic) => numbered(0, 100).map((each) => it().log.append(topic, [each]))),
    );
    for (const topic of topics) {
      const keys = keysOf(await readAll(it().log, topic));
      expect([...keys].sort()).toEqual([...keysOf(numbered(0, 100))].sort());
    }
  });

  test('an empty append is no append', async () => {
    const topic = await makeTopic(it());
    expect(await it().log.append(topic, [])).toEqual([]);
    expect(await readAll(it().log, topic)).toEqual([]);
  });

  test('the largest record is taken; a larger one is refused, and what came with it too', async () => {
    const { log, maxRecordBytes } = it();
    const topic = await makeTopic(it());
    // Room for the key, and for what the implementation adds to a record.
    await log.append(topic, [{ key: 'k', partition: 0, value: new Uint8Array(maxRecordBytes - 512) }]);
    const tooLarge = [record('small'), { key: 'k', partition: 0, value: new Uint8Array(maxRecordBytes + 1) }];
    await expect(log.append(topic, tooLarge)).rejects.toMatchObject({ code: 'FB_RECORD_TOO_LARGE' });
    expect(await readAll(log, topic)).toHaveLength(1);
  });

  test('creating a topic again changes nothing; another shape is refused', async () => {
    const topic = await makeTopic(it(), { partitions: 2 });
    await it().log.append(topic, [record('kept')]);
    const same: TopicSpec = { name: topic, partitions: 2, retentionMs: 86_400_000, compaction: null };
    await it().log.createTopics([same]);
    expect(await readAll(it().log, topic)).toHaveLength(1);
    for (const other of [
      { ...same, partitions: 3 },
      { ...same, retentionMs: null, compaction: { minLagMs: 1 } },
    ]) {
      await expect(it().log.createTopics([other])).rejects.toMatchObject({ code: 'FB_TOPIC_CONFLICT' });
    }
  });
}
