import { describe, expect, test } from '@jest/globals';
import { topics } from '../../../contracts/topics.ts';
import { readValue } from '../../../platform/log/topic-log.ts';
import { schemaHeader, writersMark } from '../../../platform/log/writers-mark.ts';

const progress = { partition: 3, decidedUntil: '2026-01-02T03:04:05.678Z' };
const bytesOf = (value: unknown) => Buffer.from(JSON.stringify(value));
const own = { [schemaHeader]: writersMark(topics.progress) };
const unreadable = /^Not a value of progress.v1|^The value is not JSON/;

describe('the value of a record', () => {
  test('is held against the schema where another version wrote it, or nobody says who', () => {
    for (const headers of [
      {},
      { [schemaHeader]: 'another' },
      { [schemaHeader]: writersMark(topics.answers) },
    ]) {
      const value = bytesOf({ ...progress, added: 'later' });
      expect(readValue(topics.progress, { value, headers })).toEqual(progress);
      const wrong = bytesOf({ ...progress, partition: 'three' });
      expect(() => readValue(topics.progress, { value: wrong, headers })).toThrow(unreadable);
    }
  });

  test('is taken as it is where a process of this version wrote it', () => {
    expect(readValue(topics.progress, { value: bytesOf(progress), headers: own })).toEqual(progress);
    expect(() => readValue(topics.progress, { value: Buffer.from('{"par'), headers: own })).toThrow(
      unreadable,
    );
    expect(readValue(topics.progress, { value: null, headers: own })).toBeNull();
  });

  test('every topic has a mark of its own', () => {
    const marks = Object.values(topics).map((topic) => writersMark(topic));
    expect(new Set(marks).size).toBe(marks.length);
    for (const mark of marks) expect(mark).toMatch(/^[\w-]{10}$/);
  });
});
