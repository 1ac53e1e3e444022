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
    ['a collection', 'action: global\ntitle: x\n', 1, /"action"/],
    ['a foreign taxonomy', `${good('x')}taxonomy: own\n`, 9, /taxonomy "own" is not known: sigma/],
    [
      'a correlation without type',
      'title: x\ncorrelation: { rules: [a], timespan: 1m }\n',
      2,
      /^correlation.type/,
    ],
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

describe('a correlation', () => {
  const read = (correlation: string) => readRules('a.yml', `title: x\ncorrelation:\n${correlation}`);

  test('is read with its fields in the names of the events', () => {
    const source = `title: x
level: high
correlation:
  type: value_count
  rules: a
  group-by: [NewProcessName, who]
  timespan: 90m
  condition: { field: NewProcessName, gte: 3 }
  aliases: { who: { a: NewProcessName } }
`;
    const { correlations } = readRules('a.yml', source, { fieldAliases: { NewProcessName: 'Image' } });
    expect(correlations).toMatchObject([
      {
        ...{ type: 'value_count', level: 'high', references: ['a'], timespanMs: 5_400_000, generate: false },
        groupBy: ['Image', 'who'],
        condition: { fields: ['Image'], bounds: [{ operator: 'gte', value: 3 }] },
        aliases: { who: { a: 'Image' } },
      },
    ]);
  });

  test.each([
    ['an unknown type', '  type: near\n  rules: [a]\n  timespan: 1m\n', 3, /^correlation.type/],
    ['no timespan', '  type: temporal\n  rules: [a]\n', 3, /^correlation.timespan/],
    ['a wrong timespan', '  type: temporal\n  rules: [a]\n  timespan: 5 m\n', 5, /not a timespan/],
    ['a timespan of nothing', '  type: temporal\n  rules: [a]\n  timespan: 0s\n', 5, /not a timespan/],
    ['no rules', '  type: temporal\n  rules: []\n  timespan: 1m\n', 4, /^correlation.rules/],
    ['no condition', '  type: event_count\n  rules: [a]\n  timespan: 1m\n', 3, /needs a condition/],
    [
      'an unknown bound',
      '  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: { above: 1 }\n',
      6,
      /no "above"/,
    ],
    [
      'a bound that is no number',
      '  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: { gte: x }\n',
      6,
      /needs a number/,
    ],
    [
      'no field to count',
      '  type: value_count\n  rules: [a]\n  timespan: 1m\n  condition: { gte: 1 }\n',
      6,
      /needs a field/,
    ],
    [
      'no percentile',
      '  type: value_percentile\n  rules: [a]\n  timespan: 1m\n  condition: { gte: 1, field: V }\n',
      6,
      /percentile/,
    ],
    [
      'an expression where a number belongs',
      '  type: event_count\n  rules: [a]\n  timespan: 1m\n  condition: a and b\n',
      6,
      /only temporal/,
    ],
    [
      'an expression over other rules',
      '  type: temporal\n  rules: [a]\n  timespan: 1m\n  condition: a and b\n',
      6,
      /names "b"/,
    ],
    [
      'an expression that nothing fulfils',
      '  type: temporal\n  rules: [a]\n  timespan: 1m\n  condition: a and not a\n',
      6,
      /cannot be fulfilled/,
    ],
    [
      'an expression that silence fulfils',
      '  type: temporal\n  rules: [a, b]\n  timespan: 1m\n  condition: a or not b\n',
      6,
      /ask for at least one/,
    ],
  ])('with %s is rejected with line and reason', (_, source, line, reason) => {
    expect(read(source).rejected).toEqual([{ file: 'a.yml', line, reason: expect.stringMatching(reason) }]);
  });
});

describe('a file with one document and one with several', () => {
  const head = (id: number, value: string): string =>
    [
      '# A comment, and an empty line',
      '',
      'title: A rule',
      `id: 00000000-0000-4000-8000-00000000000${id}`,
      'logsource: { category: process_creation }',
      'detection:',
      '  a:',
      `    Field: ${value}`,
      '  condition: a',
      '',
    ].join('\n');
  const scalars =
    "1_000,0b11,0o7,017,1e3,.5,+.5,+1,-0,+0x1f,0x1F,yes,NULL,~,2020-01-01,True,tRUE,.inf,1.5,'it''s',\"\\\\x41\",!!str 1,a b,*x".split(
      ',',
    );

  test.each(scalars)('read the value %s alike, and the rule in the same line', (value) => {
    const alone = readRules('a.yml', head(1, value));
    const first = readRules('a.yml', `${head(1, value)}---\n${head(2, 'x')}`);
    expect(first.rules.length + first.rejected.length).toBe(alone.rules.length + alone.rejected.length + 1);
    expect(first.rules.filter(({ id }) => id.endsWith('1'))).toEqual(alone.rules);
    expect(first.rejected).toEqual(alone.rejected);
  });
});
