import { describe, expect, test } from '@jest/globals';
import { linkRules, type LinkedRules } from '../../../../classifiers/rules/sigma/link-rules.ts';
import { readRules } from '../../../../classifiers/rules/sigma/read-rules.ts';
import { RuleSet } from '../../../../classifiers/rules/sigma/rule-set.ts';
import { event } from './fires.ts';

const rule = (name: string, more = ''): string => `title: ${name}
name: ${name}
logsource: { category: process_creation, product: windows }
detection: { s: { A: 1 }, condition: s }
${more}`;
const correlation = (name: string, rules: string, more = ''): string => `title: ${name}
name: ${name}
correlation: { type: temporal, rules: [${rules}], group-by: [User], timespan: 5m${more} }
`;
const filter = (rules: string, logsource = '{ product: windows }'): string => `title: The exempt
logsource: ${logsource}
filter:
  rules: ${rules}
  exempt: { User: admin }
  condition: not exempt
`;

function link(...files: readonly string[]): LinkedRules {
  return linkRules(files.map((source, index) => readRules(`${index}.yml`, source)));
}

const fired = ({ rules }: LinkedRules, user: string): string[] =>
  RuleSet.of(rules)
    .match(event({ A: 1, User: user }))
    .map(({ title }) => title);

describe('a filter', () => {
  test('exempts from the rules that it names, by id or name', () => {
    const linked = link(rule('a'), rule('b'), filter('[a]'));
    expect(fired(linked, 'admin')).toEqual(['b']);
    expect(fired(linked, 'other')).toEqual(['a', 'b']);
  });

  test('for any rule exempts from all of its log source', () => {
    expect(fired(link(rule('a'), filter('any')), 'admin')).toEqual([]);
    expect(fired(link(rule('a'), filter('any', '{ product: linux }')), 'admin')).toEqual(['a']);
    expect(fired(link(rule('a'), filter('any', '{ category: process_creation }')), 'admin')).toEqual([]);
  });

  test('that names no known rule is told, and works for those that it knows', () => {
    const linked = link(rule('a'), filter('[a, nobody]'));
    expect(fired(linked, 'admin')).toEqual([]);
    expect(linked.rejected).toEqual([
      { file: '1.yml', line: 1, reason: expect.stringContaining('names "nobody"') },
    ]);
  });

  test.each([
    ['without rules', filter('any').replace('  rules: any\n', ''), /needs "rules"/],
    ['with two conditions', filter('any').replace('not exempt', '[exempt]'), /one condition/],
    ['without condition', filter('any').replace('  condition: not exempt\n', ''), /condition is missing/],
  ])('%s is rejected', (_, source, reason) => {
    expect(link(source).rejected).toMatchObject([{ reason: expect.stringMatching(reason) }]);
  });
});

describe('a correlation', () => {
  test('makes the rules of its own file parts of it; those of others stay rules of their own', () => {
    const together = link(`${rule('a')}---\n${correlation('both', 'a, b')}`, rule('b'));
    expect(together.rules.map(({ title, reported }) => [title, reported])).toEqual([
      ['a', false],
      ['b', true],
    ]);
  });

  test('that says generate leaves them rules of their own', () => {
    const { rules } = link(`${rule('a')}---\n${correlation('both', 'a', ', generate: true')}`);
    expect(rules).toMatchObject([{ reported: true }]);
  });

  test('comes after those that it refers to', () => {
    const { correlations } = link(correlation('top', 'low'), correlation('low', 'a'), rule('a'));
    expect(correlations.map(({ title }) => title)).toEqual(['low', 'top']);
  });

  test.each([
    ['an unknown rule', correlation('x', 'nobody'), /refers to "nobody", and no rule/],
    ['itself', correlation('x', 'x'), /refers to it or cannot be used/],
    [
      'a correlation that cannot be used',
      `${correlation('x', 'y')}---\n${correlation('y', 'z')}`,
      /"y", which|"z", and/,
    ],
  ])('that refers to %s is rejected with its line', (_, source, reason) => {
    const { correlations, rejected } = link(source);
    expect(correlations).toEqual([]);
    for (const each of rejected) expect(each.reason).toMatch(reason);
    expect(rejected.map(({ file }) => file)).toContain('0.yml');
  });
});

test('of two documents with one id the first stands, whatever their kinds', () => {
  const { rules, correlations, rejected } = link(rule('a'), correlation('a', 'a'));
  expect([rules.length, correlations.length]).toEqual([1, 0]);
  expect(rejected).toEqual([{ file: '1.yml', line: 1, reason: 'the id a is taken by 0.yml' }]);
});
