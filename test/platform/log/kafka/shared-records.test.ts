import { describe, expect, test } from '@jest/globals';
import { SharedRecords } from '../../../../platform/log/kafka/shared-records.ts';

const ref = { topic: 'reports', partition: 3 };
const message = (offset: number, text: string | null, timestamp = '1000') => ({
  offset: String(offset),
  timestamp,
  key: Buffer.from('k'),
  value: text === null ? null : Buffer.from(text),
  headers: {},
});
const readBy = (readers: number) => {
  const shared = new SharedRecords();
  const ends = Array.from({ length: readers }, () => shared.addReader([ref.topic]));
  return { shared, ends };
};

describe('SharedRecords', () => {
  test('two readers of a topic are handed one record, and see what the first one left there', () => {
    const { shared } = readBy(2);
    const first = shared.recordOf(ref, message(5, 'text'));
    first.content = { parsed: true };
    expect(shared.recordOf(ref, message(5, 'text'))).toBe(first);
    expect(shared.recordOf({ ...ref, partition: 4 }, message(5, 'text'))).not.toBe(first);
    expect(shared.recordOf(ref, message(6, 'text')).content).toBeUndefined();
  });

  test('a lone reader keeps nothing, also when the other one has ended', () => {
    const { shared, ends } = readBy(2);
    const first = shared.recordOf(ref, message(5, 'text'));
    ends[0]?.();
    expect(shared.recordOf(ref, message(5, 'text'))).not.toBe(first);
  });

  test('another record at the same offset is another record', () => {
    const { shared } = readBy(2);
    shared.recordOf(ref, message(5, 'text')).content = 'old';
    for (const other of [message(5, 'test'), message(5, 'text', '1001'), message(5, null)]) {
      const record = shared.recordOf(ref, other);
      expect(record.value).toEqual(other.value);
      expect(record.content).toBeUndefined();
    }
  });

  test('what it keeps is bounded in bytes', () => {
    const { shared } = readBy(2);
    const text = 'x'.repeat(1_000_000);
    const first = shared.recordOf(ref, message(0, text));
    for (let offset = 1; offset < 5; offset += 1) shared.recordOf(ref, message(offset, text));
    expect(shared.recordOf(ref, message(0, text))).toBe(first);
    for (let offset = 5; offset < 12; offset += 1) shared.recordOf(ref, message(offset, text));
    expect(shared.recordOf(ref, message(0, text))).not.toBe(first);
  });
});
