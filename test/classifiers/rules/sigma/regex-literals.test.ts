import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { requiredLiterals } from '../../../../classifiers/rules/sigma/regex-literals.ts';

test.each([
  ['abc', ['abc']],
  ['ab|cd', undefined],
  ['ab(c|d)ef', ['ab', 'ef']],
  ['abc?d', ['ab']],
  ['abc*def+gh', ['ab', 'def', 'gh']],
  ['ab\\.exe\\s+-enc', ['ab.exe', '-enc']],
  ['ab{2}cd', ['cd']],
  ['[abc]de', ['de']],
  ['a\\x41bc', undefined],
])('%s needs %j', (source, literals) => {
  expect(requiredLiterals(source, false)).toEqual(literals);
});

test('every match contains the literals', () => {
  const pieces = fc.array(
    fc.constantFrom(
      'a',
      'b',
      'ab',
      'K',
      's',
      '.',
      'a+',
      'b*',
      'ba?',
      '(ab)?',
      '(a|b)',
      '[ab]',
      '[^]a]',
      'a{2}',
      '\\.',
      '\\w',
      '\\\\',
      '^',
      '$',
      '|',
      '-',
    ),
    { maxLength: 8 },
  );
  const text = fc.string({
    unit: fc.constantFrom('a', 'b', 'k', 's', '\u212a', '\u017f', '.', '\\', '-'),
    maxLength: 12,
  });
  fc.assert(
    fc.property(pieces, text, fc.boolean(), (parts, input, ignoreCase) => {
      const source = parts.join('');
      if (!new RegExp(source.replaceAll('[^]a]', '[^\\]a]'), ignoreCase ? 'iu' : 'u').test(input)) return;
      for (const literal of requiredLiterals(source, ignoreCase) ?? []) {
        expect(input.toLowerCase()).toContain(literal);
      }
    }),
    { numRuns: 5_000 },
  );
});
