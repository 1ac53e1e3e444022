import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compilePattern, parsePattern } from '../../../../classifiers/rules/sigma/pattern.ts';

const matches = (pattern: string, text: string): boolean => compilePattern(parsePattern(pattern))(text);

describe('wildcards', () => {
  test.each([
    ['a*c', 'abbbc', true],
    ['a*c', 'ac', true],
    ['a*c', 'acb', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['*', '', true],
    ['?', '', false],
    ['', '', true],
    ['', 'a', false],
    ['*a*b*', 'xxbxaxxbx', true],
    ['*a*b*', 'bxxa', false],
    ['*ab?', 'xabab', false],
    ['*ab?', 'xabac', false],
    ['*ab?', 'xxabc', true],
    ['a*a', 'a', false],
    ['*?*', '', false],
    ['*?b*', 'b', false],
  ])('%s on %j: %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });
});

describe('escapes', () => {
  test.each([
    ['a\\*c', 'a*c', true],
    ['a\\*c', 'abc', false],
    ['a\\?c', 'a?c', true],
    ['C:\\Windows', 'C:\\Windows', true],
    ['a\\\\*', 'a\\anything', true],
    ['a\\\\\\*', 'a\\*', true],
    ['a\\\\\\*', 'a\\b', false],
    ['a\\', 'a\\', true],
    ['\\\\server', '\\server', true],
  ])('%s on %j: %s', (pattern, text, expected) => {
    expect(matches(pattern, text)).toBe(expected);
  });
});

test('a pattern accepts the texts that the regular expression of the same meaning accepts', () => {
  const letters = fc.array(fc.constantFrom('a', 'b', '*', '?'), { maxLength: 8 });
  fc.assert(
    fc.property(
      letters,
      fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 10 }),
      (source, text) => {
        const same = source.join('').replaceAll('*', '.*').replaceAll('?', '.');
        expect(matches(source.join(''), text)).toBe(new RegExp(`^${same}$`, 's').test(text));
      },
    ),
    { numRuns: 2_000 },
  );
});
