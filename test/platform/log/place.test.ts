import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { place } from '../../../platform/log/place.ts';

/** Held for ever: a key that moved to another partition would have two owners. */
const vectors: readonly (readonly [key: string, of12: number, of64: number])[] = [
  ['', 11, 11],
  ['a', 3, 51],
  ['file:sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', 10, 18],
  ['domain:example.org', 2, 26],
  ['domain:пример.рф', 11, 43],
];

describe('place', () => {
  test.each(vectors)('%j has its place', (key, of12, of64) => {
    expect(place(key, 12)).toBe(of12);
    expect(place(key, 64)).toBe(of64);
  });

  test('every key has a place among the partitions, always the same one', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 1_000 }), (key, partitions) => {
        const at = place(key, partitions);
        expect(Number.isInteger(at) && at >= 0 && at < partitions).toBe(true);
        expect(place(key, partitions)).toBe(at);
      }),
    );
  });

  test('keys that differ little spread evenly', () => {
    const counts = Array<number>(12).fill(0);
    for (let number = 0; number < 12_000; number++) {
      const at = place(`file:sha256:${String(number).padStart(64, '0')}`, 12);
      counts[at] = (counts[at] ?? 0) + 1;
    }
    // 1,000 are expected; the standard deviation of a fair spread is 30.
    for (const count of counts) expect(Math.abs(count - 1_000)).toBeLessThan(150);
  });
});
