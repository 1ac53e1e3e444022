import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { entrySchema } from '../../../contracts/entry.ts';
import {
  canonicalEntryText,
  contribution,
  digestText,
  emptyDigest,
  unionOf,
  withEntry,
  withoutEntry,
} from '../../../engine/stream/digest.ts';
import { anyDecidedEntry, decidedEntry, deviceA1, deviceA2, ownEntry } from '../../support/entries.ts';

const vectors = z
  .object({
    cases: z.array(
      z.object({
        name: z.string(),
        entries: z.array(entrySchema),
        texts: z.array(z.string()),
        count: z.int(),
        digest: z.string(),
      }),
    ),
  })
  .parse(
    JSON.parse(
      readFileSync(new URL('../../../contracts/vectors/stream-digest.json', import.meta.url), 'utf8'),
    ),
  );

describe('state digest', () => {
  test.each(vectors.cases)('agrees with the vector: $name', ({ entries, texts, count, digest }) => {
    expect(entries.map(canonicalEntryText)).toEqual(texts);
    const state = entries.reduce(withEntry, emptyDigest);
    expect({ count: state.count, digest: digestText(state) }).toEqual({ count, digest });
  });

  test('the order of entries does not matter, and taking an entry undoes adding it', () => {
    fc.assert(
      fc.property(fc.array(anyDecidedEntry, { maxLength: 20 }), anyDecidedEntry, (entries, extra) => {
        const forward = entries.reduce(withEntry, emptyDigest);
        const backward = [...entries].reverse().reduce(withEntry, emptyDigest);
        expect(backward).toEqual(forward);
        expect(withoutEntry(withEntry(forward, extra), extra)).toEqual(forward);
      }),
    );
  });

  test('digests of disjoint sets add up to the digest of their union', () => {
    const first = withEntry(emptyDigest, decidedEntry(1));
    const second = withEntry(withEntry(emptyDigest, decidedEntry(2)), ownEntry(3));
    const all = [decidedEntry(1), decidedEntry(2), ownEntry(3)].reduce(withEntry, emptyDigest);
    expect(unionOf(first, second)).toEqual(all);
  });

  test('what only the reporting device sees does not count', () => {
    const plain = decidedEntry(1);
    const personal = { ...plain, reportId: deviceA1, target: { process: { entity_id: 'p1' } } };
    expect(contribution({ ...plain, ...decidedEntry(1, 1, undefined, personal) })).toBe(contribution(plain));
  });

  test('the order of target devices does not matter', () => {
    const forward = ownEntry(1, 1, { targets: { deviceIds: [deviceA1, deviceA2] } });
    const backward = ownEntry(1, 1, { targets: { deviceIds: [deviceA2, deviceA1] } });
    expect(contribution(forward)).toBe(contribution(backward));
  });
});
