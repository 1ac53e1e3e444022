import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readRules } from '../../../../classifiers/rules/sigma/read-rules.ts';

const good = (title: string): string => `title: ${title}
logsource: { category: process_creation, product: windows }
detection:
  selection:
    Image|endswith: '\\a.exe'
  condition: selection
level: high
tags: [attack.execution]
`;

const rejectedOf = (source: string) => readRules('a.yml', source).rejected;

describe('a rule file', () => {
  test('may hold several documents', () => {
    const { rules, rejected } = readRules('a.yml', `${good('one')}---\n${good('two')}`);
    expect(rejected).toEqual([]);
    expect(rules.map(({ title, level, line }) => [title, level, line])).toEqual([
      ['one', 'high', 1],
      ['two', 'high', 10],
    ]);
  });

  test('with one bad document keeps the others', () => {
    const bad = good('bad').replace('endswith', 'endswth');
    const { rules, rejected } = readRules('a.yml', `${good('one')}---\n${bad}---\n${good('three')}`);
    expect(rules.map(({ title }) => title)).toEqual(['one', 'three']);
    expect(rejected).toEqual([{ file: 'a.yml', line: 14, reason: 'the modifier "endswth" is not known' }]);
  });

  test('without a document is rejected', () => {
    expect(rejectedOf('')).toEqual([{ file: 'a.yml', line: 1, reason: 'the file holds no rule' }]);
  });

  test('a rule without id goes by its title, one without level is medium', () => {
    const [rule] = readRules('a.yml', good('one').replace('level: high\n', '')).rules;
    expect(rule).toMatchObject({ id: 'one', level: 'medium', tags: ['attack.execution'] });
  });
});

describe('a rejected rule names line and reason', () => {
  test.each([
    ['broken YAML', 'title: [a\n', 2, /./],
    ['a key that stands twice', 'title: a\ntitle: b\n', 2, /unique/],
    ['no mapping', '- a\n', 1, /document/],
    ['a missing title', good('x').replace('title: x\n', ''), 1, /^title: /],
    ['an unknown level', good('x').replace('high', 'severe'), 7, /^level: /],
    [
      'an unknown detection',
      good('x').replace('condition: selection', 'condition: other'),
      6,
      /names "other"/,
    ],
    ['no condition', good('x').replace('  condition: selection\n', ''), 4, /condition is missing/],
    ['a map as value', good('x').replace("'\\a.exe'", '{ a: b }'), 5, /neither text/],
    ['an empty detection', good('x').replace("\n    Image|endswith: '\\a.exe'", ' {}'), 4, /empty/],
    ['a deprecated rule', `${good('x')}status: deprecated\n`, 9, /deprecated/],
    ['a timeframe', good('x').replace('  condition', '  timeframe: 5m\n  condition'), 6, /correlation/],
    ['a correlation', 'title: x\ncorrelation: { type: event_count }\n', 1, /not supported/],
    [
      'too many aliases',
      `title: &a [x,x]\nb: &b [${'*a,'.repeat(50)}]\nc: [${'*b,'.repeat(50)}]\n`,
      1,
      /alias/i,
    ],
  ])('%s', (_, source, line, reason) => {
    expect(rejectedOf(source)).toEqual([{ file: 'a.yml', line, reason: expect.stringMatching(reason) }]);
  });
});

test('no text stops the reader', () => {
  const words = fc.constantFrom(
    'title: x',
    'logsource: {}',
    'detection:',
    '  a:',
    '    B|re: (',
    '    B|contains|all: [1, null]',
    '  condition: a',
    '  condition: [a, 1 of them]',
    '---',
    '__proto__: {}',
    '? [a]',
    '&a',
    '*a',
    '!!binary x',
    '- ',
    '"',
    '{',
    ']',
    '\t',
    'level: high',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 12 }), (lines) => {
      const { rules, rejected } = readRules('a.yml', lines.join('\n'));
      expect(rules.length + rejected.length).toBeGreaterThan(0);
      for (const { line, reason } of rejected) {
        expect(line).toBeGreaterThan(0);
        expect(reason).not.toBe('');
      }
    }),
    { numRuns: 1_000 },
  );
});

test('field names of other schemas are translated', () => {
  const [rule] = readRules('a.yml', good('x'), { fieldAliases: { Image: 'process' } }).rules;
  expect(rule?.predicate).toMatchObject({ field: 'process' });
});
