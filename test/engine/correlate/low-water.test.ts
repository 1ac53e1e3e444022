import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { LowWater } from '../../../engine/correlate/low-water.ts';

describe('LowWater', () => {
  test('nothing read: the mark is where reading starts', () => {
    expect(new LowWater(7).mark()).toBe(7);
  });

  test('the mark never passes an open offset, and equals the end once all are settled', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.nat(200), { maxLength: 40 }),
        fc.array(fc.nat(), { maxLength: 80 }),
        (raw, picks) => {
          const offsets = [...raw].sort((a, b) => a - b);
          const water = new LowWater(0);
          for (const offset of offsets) water.open(offset);
          const open = new Set(offsets);
          for (const pick of picks) {
            const offset = offsets[pick % Math.max(1, offsets.length)];
            if (offset === undefined || !open.delete(offset)) continue;
            water.settle(offset);
            const lowest = Math.min(...open, (offsets.at(-1) ?? 0) + 1);
            expect(water.mark()).toBe(lowest);
          }
          for (const offset of open) water.settle(offset);
          expect(water.mark()).toBe(offsets.length === 0 ? 0 : (offsets.at(-1) ?? 0) + 1);
          expect(water.pending).toBe(0);
        },
      ),
    );
  });

  test('thousands that settle before a late one', () => {
    const water = new LowWater(0);
    for (let offset = 0; offset < 10_000; offset++) {
      water.open(offset);
      if (offset > 0) water.settle(offset - 1);
      expect(water.mark()).toBe(offset);
    }
    expect(water.pending).toBe(1);
  });

  test('a record that opened nothing still moves the end', () => {
    const water = new LowWater(0);
    water.open(0);
    water.read(5);
    water.settle(0);
    expect(water.mark()).toBe(5);
  });
});
