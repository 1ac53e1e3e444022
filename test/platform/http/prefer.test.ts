import { describe, expect, test } from '@jest/globals';
import { parsePrefer } from '../../../platform/http/prefer.ts';

describe('the Prefer header', () => {
  test.each([
    [undefined, null, false],
    ['', null, false],
    ['wait=10', 10, false],
    ['Wait = "10"', 10, false],
    ['respond-async, wait=5; foo=bar, handling=strict', 5, true],
    ['wait=3, wait=9', 3, false],
    ['handling=lenient, handling=strict', null, false],
    ['foo="a, wait=7", HANDLING=Strict', null, true],
    ['wait=-1', null, false],
    ['wait=1.5', null, false],
    ['wait', null, false],
    ['wait=9999999999999', null, false],
    ['"unclosed, wait=4', 4, false],
  ])('%p means wait %p, strict %p', (header, waitSeconds, strict) => {
    expect(parsePrefer(header)).toEqual({ waitSeconds, strict });
  });

  test('several headers count as one', () => {
    expect(parsePrefer(['wait=2', 'handling=strict'])).toEqual({ waitSeconds: 2, strict: true });
  });
});
