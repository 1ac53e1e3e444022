import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  keyStart,
  longestKeyBytes,
  readFrames,
  sizeRecord,
  writeFrame,
} from '../../../../platform/log/embedded/frame.ts';
import type { LogRecord, StoredRecord } from '../../../../platform/log/log.ts';

const mebibyte = 1_048_576;
const text = (maxLength: number) => fc.string({ unit: 'grapheme', maxLength });
const records: fc.Arbitrary<LogRecord> = fc.record({
  key: text(100),
  partition: fc.constant(0),
  value: fc.option(fc.uint8Array({ maxLength: 300 })),
  headers: fc.dictionary(text(20), text(50)),
});

function write(
  all: readonly LogRecord[],
  firstOffset: number,
  appendedAt: number,
): { buffer: Buffer; written: readonly StoredRecord[] } {
  const sized = all.map((record) => sizeRecord(record, mebibyte));
  const buffer = Buffer.alloc(sized.reduce((sum, { frameBytes }) => sum + frameBytes, 0));
  let at = 0;
  const written = sized.map((each, index) => {
    const record = writeFrame(buffer, at, each, firstOffset + index, appendedAt);
    at += each.frameBytes;
    return record;
  });
  return { buffer, written };
}

const plain = ({ value, headers, ...rest }: StoredRecord) => ({
  ...rest,
  headers: { ...headers },
  value: value === null ? null : Buffer.from(value).toString('hex'),
});

describe('a frame', () => {
  test('gives back what was put in, and what the writer handed out is what a reader gets', () => {
    const offsets = fc.integer({ min: 0, max: 2 ** 48 - 1_000 });
    fc.assert(
      fc.property(fc.array(records, { maxLength: 20 }), offsets, offsets, (all, first, appendedAt) => {
        const { buffer, written } = write(all, first, appendedAt);
        const read = readFrames(buffer);
        expect(read.map(plain)).toEqual(written.map(plain));
        expect(read.map(plain)).toEqual(
          all.map((record, index) =>
            plain({
              offset: first + index,
              key: record.key,
              value: record.value,
              headers: record.headers ?? {},
              appendedAt,
            }),
          ),
        );
      }),
    );
  });

  test('has its key where it says', () => {
    const { buffer } = write([{ key: 'ключ', partition: 0, value: null, headers: { a: 'b' } }], 7, 8);
    expect(buffer.toString('utf8', keyStart, keyStart + Buffer.byteLength('ключ'))).toBe('ключ');
  });

  test('a key that is no Unicode is a bug of the caller', () => {
    expect(() => sizeRecord({ key: '\ud800', partition: 0, value: null }, mebibyte)).toThrow(RangeError);
  });

  test.each([
    ['a key', { key: 'k'.repeat(longestKeyBytes + 1), partition: 0, value: null }],
    ['a value', { key: 'k', partition: 0, value: new Uint8Array(mebibyte) }],
    ['the name of a header', { key: 'k', partition: 0, value: null, headers: { ['n'.repeat(256)]: '' } }],
    ['the value of a header', { key: 'k', partition: 0, value: null, headers: { n: 'v'.repeat(65_536) } }],
  ])('takes no more than fits: %s', (_, record: LogRecord) => {
    expect(() => sizeRecord(record, mebibyte)).toThrow(
      expect.objectContaining({ code: 'FB_RECORD_TOO_LARGE' }),
    );
  });
});
