import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compileRegex } from '../../../../classifiers/rules/sigma/regex.ts';
import { requiredClauses } from '../../../../classifiers/rules/sigma/regex-literals.ts';

test.each([
  ['abc', [['abc']]],
  ['ab|cd', [['ab', 'cd']]],
  ['ab|cd|[xy]', []],
  ['ab(c|d)ef', [['ab'], ['ef']]],
  ['ab(?:cd|efg?)*', [['ab']]],
  ['ab(?:cd|ef)+', [['ab'], ['cd', 'ef']]],
  ['(?i)(?:Power|pw)sh', [['power', 'pw'], ['sh']]],
  ['abc?d', [['ab']]],
  ['abc*def+gh', [['ab'], ['def'], ['gh']]],
  ['ab\\.exe\\s+-enc', [['ab.exe'], ['-enc']]],
  ['ab{2}cd', [['ab'], ['cd']]],
  ['ab{0,2}cd', [['cd']]],
  ['[abc]de', [['de']]],
  ['a\\x{41}bc', [['bc']]],
  ['ab\\Q|\\E', []],
  ['ab(?=c)', []],
])('%s needs %j', (source, clauses) => {
  expect(requiredClauses(source)).toEqual(clauses);
});

test('every match contains one literal of each clause', () => {
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
      '(?:ab|ba-|k)',
      '(?:ss|ks)+',
      '(?:aa|bb)?',
      '{2}',
      '{0,1}',
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
      if (matcher(source, ignoreCase)?.(input) !== true) return;
      const lower = input.toLowerCase().replaceAll('\u017f', 's');
      for (const clause of requiredClauses(source)) {
        expect(clause.some((literal) => lower.includes(literal))).toBe(true);
      }
    }),
    { numRuns: 5_000 },
  );
});

/** The real engine's test; undefined where it refuses the expression. */
function matcher(source: string, ignoreCase: boolean): ((text: string) => boolean) | undefined {
  try {
    return compileRegex(source, { ignoreCase, multiline: false, dotAll: false });
  } catch {
    return undefined;
  }
}
