import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cursorSchema } from '../../../contracts/stream.ts';
import { decodeCursor, encodeCursor } from '../../../engine/stream/cursor.ts';

const anyCursor = fc.record({
  issuedAtMs: fc.maxSafeNat(),
  offsets: fc.array(fc.maxSafeNat(), { minLength: 1, maxLength: 24 }),
});

describe('cursor', () => {
  test('comes back as it was, in the alphabet of the contract', () => {
    fc.assert(
      fc.property(anyCursor, (cursor) => {
        const text = encodeCursor(cursor, 'log one');
        expect(cursorSchema.safeParse(text).success).toBe(true);
        expect(decodeCursor(text, 'log one')).toEqual(cursor);
      }),
    );
  });

  test('of another log is refused', () => {
    expect(decodeCursor(encodeCursor({ issuedAtMs: 1, offsets: [2, 3] }, 'log one'), 'log two')).toBeNull();
  });

  test('any text is read or refused, never thrown at', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String()), (text) => {
        expect(decodeCursor(text, 'log one')).toBeNull();
      }),
    );
  });

  test('cut anywhere it is refused or names fewer offsets', () => {
    const text = encodeCursor({ issuedAtMs: 1_790_000_000_000, offsets: [300, 70_000] }, 'log one');
    for (let length = 0; length < text.length; length += 1) {
      const cut = decodeCursor(text.slice(0, length), 'log one');
      expect(cut === null || cut.offsets.length < 2).toBe(true);
    }
  });
});
