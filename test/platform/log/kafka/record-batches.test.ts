import { describe, expect, test } from '@jest/globals';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import {
  encodeRecordBatch,
  type BatchRecord,
  type RecordBatch,
} from '../../../../platform/log/kafka/record-batches.ts';

/** As kafkajs has them, as long as nobody has asked for other ones: each test file has modules of its own. */
const load = createRequire(import.meta.url);
const makeRecord = load('kafkajs/src/protocol/recordBatch/record/v0/index.js') as (
  record: BatchRecord,
) => object;
const { RecordBatch: makeBatch } = load('kafkajs/src/protocol/recordBatch/v0/index.js') as {
  RecordBatch: (batch: object) => Promise<{ readonly buffer: Buffer }>;
};

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array)),
  fc.string({ unit: 'binary', maxLength: 300 }),
);
const record = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  timestampDelta: fc.nat(1_000_000),
  headers: fc.dictionary(fc.string({ maxLength: 20 }), fc.string({ unit: 'grapheme', maxLength: 100 }), {
    maxKeys: 3,
  }),
});
const batch = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 70 }),
  compression: fc.constantFrom(0, 1),
  firstTimestamp: fc.nat(4_000_000_000_000),
  producerId: fc.bigInt(-1n, 9_007_199_254_740_993n).map(String),
  producerEpoch: fc.integer({ min: -1, max: 32_767 }),
  firstSequence: fc.nat(2_147_483_647),
  transactional: fc.boolean(),
});

describe('batches of records', () => {
  test('are the bytes that kafkajs writes', async () => {
    await fc.assert(
      fc.asyncProperty(batch, async (made) => {
        const records = made.records.map((each, offsetDelta) => ({ ...each, offsetDelta }));
        const all: RecordBatch = {
          ...made,
          maxTimestamp: made.firstTimestamp + 5,
          lastOffsetDelta: records.length - 1,
          records,
        };
        const theirs = await makeBatch({ ...all, records: records.map(makeRecord) });
        const ours = await encodeRecordBatch(all);
        expect(ours.buffer.equals(theirs.buffer)).toBe(true);
        expect(ours.size()).toBe(theirs.buffer.length);
      }),
      { numRuns: 300 },
    );
  });
});
