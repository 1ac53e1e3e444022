import { describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { correlate, type SeenEvent } from '../../../../classifiers/rules/sigma/correlate.ts';
import { linkRules } from '../../../../classifiers/rules/sigma/link-rules.ts';
import { readRules } from '../../../../classifiers/rules/sigma/read-rules.ts';
import type { CorrelationRule } from '../../../../classifiers/rules/sigma/rule.ts';

const base = (name: string): object => ({
  title: name,
  name,
  logsource: { category: 'process_creation' },
  detection: { s: { A: 1 }, condition: 's' },
});

/** Correlations over the rules a, b and c, by their own names. */
function correlations(...documents: readonly object[]): readonly CorrelationRule[] {
  const named = documents.map((correlation, index) => ({
    title: `correlation ${index}`,
    name: `correlation_${index}`,
    correlation,
  }));
  const source = [base('a'), base('b'), base('c'), ...named].map((each) => stringify(each)).join('---\n');
  const { correlations: linked, rejected } = linkRules([readRules('a.yml', source)]);
  expect(rejected).toEqual([]);
  return linked;
}

/** `a@5 b@7` are events five and seven seconds after the start. */
function events(
  text: string,
  fields: (index: number) => SeenEvent['fields'] = () => ({ User: 'x' }),
): SeenEvent[] {
  return text.split(' ').map((word, index) => {
    const [fired = '', second = '0'] = word.split('@');
    return { timeMs: Number(second) * 1_000, fields: fields(index), fired: fired.split('+') };
  });
}

/** Start and end in seconds of each window that fulfils the correlation. */
function windows(correlation: object, seen: readonly SeenEvent[], shared?: ReadonlySet<string>): string[] {
  return correlate(correlations(correlation), seen, shared).map(
    ({ startMs, endMs }) => `${startMs / 1_000}-${endMs / 1_000}`,
  );
}

const minute = { 'group-by': ['User'], timespan: '60s' };

describe('event_count', () => {
  const three = { type: 'event_count', rules: ['a'], ...minute, condition: { gte: 3 } };

  test('counts what happened within the timespan, wherever it begins', () => {
    expect(windows(three, events('a@0 a@30 a@60'))).toEqual(['0-60']);
    expect(windows(three, events('a@0 a@30 a@61'))).toEqual([]);
    expect(windows(three, events('a@50 a@70 a@90 a@300'))).toEqual(['50-90']);
  });

  test('counts each group by itself, without regard to case', () => {
    const two = (index: number) => ({ User: ['x', 'X', 'y'][index % 3] ?? '' });
    expect(windows(three, events('a@0 a@1 a@2', two))).toEqual([]);
    expect(windows(three, events('a@0 a@1 a@2 a@3', two))).toEqual(['0-3']);
  });

  test('leaves out events that lack the field that is grouped by, unless it is the same for all', () => {
    expect(
      windows(
        three,
        events('a@0 a@1 a@2', () => ({})),
      ),
    ).toEqual([]);
    expect(
      windows(
        three,
        events('a@0 a@1 a@2', () => ({})),
        new Set(['User']),
      ),
    ).toEqual(['0-2']);
  });

  test('counts an event once on which two of its rules fired', () => {
    expect(windows({ ...three, rules: ['a', 'b'] }, events('a+b@0 a@1'))).toEqual([]);
    expect(windows({ ...three, rules: ['a', 'b'] }, events('a+b@0 a@1 b@2'))).toEqual(['0-2']);
  });

  test.each([
    ['gt', 2, 2],
    ['gte', 3, 2],
    ['eq', 2, 1],
    ['neq', 2, 3],
    ['lt', 3, 2],
    ['lte', 2, 2],
  ])('takes the bound %s %d', (bound, value, times) => {
    const seen = events('a@0 a@1 a@2 a@3');
    expect(windows({ ...three, condition: { [bound]: value } }, seen)).toHaveLength(times);
  });

  test('takes a range', () => {
    const range = { ...three, condition: { gt: 1, lte: 3 } };
    expect(windows(range, events('a@0 a@1 a@2 a@3'))).toEqual(['0-1', '0-2']);
  });
});

describe('values', () => {
  const seen = (...values: readonly (string | number)[]): SeenEvent[] =>
    events(values.map((_, index) => `a@${index}`).join(' '), (index) => ({
      User: 'x',
      V: values[index] ?? null,
    }));
  const of = (type: string, condition: object): object => ({ type, rules: ['a'], ...minute, condition });

  test('value_count counts different values, and combinations of several fields', () => {
    const count = of('value_count', { field: 'V', gte: 2 });
    expect(windows(count, seen('p', 'P', 'p'))).toEqual([]);
    expect(windows(count, seen('p', 'q'))).toEqual(['0-1']);
    expect(windows(of('value_count', { field: ['User', 'V'], gte: 2 }), seen('p', 'q'))).toEqual(['0-1']);
  });

  test('value_sum, value_avg, value_median and value_percentile measure numbers', () => {
    expect(windows(of('value_sum', { field: 'V', gt: 5 }), seen(1, '2', 'many', 3))).toEqual(['0-3']);
    expect(windows(of('value_avg', { field: 'V', eq: 2 }), seen(1, 3))).toEqual(['0-1']);
    expect(windows(of('value_median', { field: 'V', eq: 2.5 }), seen(1, 2, 3, 100))).toEqual(['0-3']);
    const upper = of('value_percentile', { field: 'V', percentile: 75, gte: 27.25 });
    expect(windows(upper, seen(1, 2, 3, 100))).toEqual(['0-3']);
    expect(windows(of('value_sum', { field: 'V', gte: 0 }), seen('a', 'b'))).toEqual([]);
  });
});

describe('temporal', () => {
  const both = { type: 'temporal', rules: ['a', 'b'], ...minute };

  test('asks for every rule within the timespan, in any order', () => {
    expect(windows(both, events('b@0 a@59'))).toEqual(['0-59']);
    expect(windows(both, events('b@0 a@61'))).toEqual([]);
    expect(windows(both, events('a@0 a@1'))).toEqual([]);
  });

  test('takes a number of rules instead', () => {
    const some = { ...both, rules: ['a', 'b', 'c'], condition: { gte: 2 } };
    expect(windows(some, events('a@0 c@5'))).toEqual(['0-5']);
  });

  test('takes an expression over the rules', () => {
    const either = { ...both, rules: ['a', 'b', 'c'], condition: 'a and (b or c)' };
    expect(windows(either, events('a@0 c@5'))).toEqual(['0-5']);
    expect(windows(either, events('b@0 c@5'))).toEqual([]);
  });

  test('waits the whole timespan for what must not happen', () => {
    const missing = { ...both, condition: 'a and not b' };
    expect(windows(missing, events('a@0 b@90'))).toEqual(['0-60']);
    expect(windows(missing, events('a@0 b@50'))).toEqual([]);
    expect(windows(missing, events('b@0 a@10'))).toEqual(['10-70']);
  });

  test('reads the rules from an expression where no list names them', () => {
    const listless = { type: 'temporal', ...minute, condition: 'a and b' };
    expect(windows(listless, events('b@0 a@1'))).toEqual(['0-1']);
  });
});

describe('temporal_ordered', () => {
  const order = { type: 'temporal_ordered', rules: ['a', 'b', 'c'], ...minute };

  test('asks for the order of the rules', () => {
    expect(windows(order, events('a@0 b@1 c@2'))).toEqual(['0-2']);
    expect(windows(order, events('a@0 c@1 b@2'))).toEqual([]);
    expect(windows(order, events('c@0 a@1 b@2 c@3'))).toEqual(['0-3']);
  });

  test('tells events of one time by their place, and one event serves one rule', () => {
    expect(windows(order, events('a@0 b@0 c@0'))).toEqual(['0-0']);
    expect(windows(order, events('c@0 b@0 a@0'))).toEqual([]);
    expect(windows(order, events('a+b@0 c@1'))).toEqual([]);
  });

  test('takes a number of rules in order', () => {
    const two = { ...order, condition: { gte: 2 } };
    expect(windows(two, events('b@0 a@1'))).toEqual([]);
    expect(windows(two, events('b@0 c@1'))).toEqual(['0-1']);
  });

  test('takes an expression', () => {
    const expression = { ...order, condition: 'a and c and not b' };
    expect(windows(expression, events('a@0 c@5'))).toEqual(['0-60']);
    expect(windows(expression, events('c@0 a@5'))).toEqual([]);
    expect(windows(expression, events('a@0 b@2 c@5'))).toEqual([]);
  });
});

test('aliases group by fields of different names', () => {
  const aliased = {
    ...{ type: 'temporal', rules: ['a', 'b'], 'group-by': ['who'], timespan: '1m' },
    aliases: { who: { a: 'User', b: 'TargetUser' } },
  };
  const of = (user: string, target: string) =>
    events('a@0 b@1', (index) => (index === 0 ? { User: user } : { TargetUser: target }));
  expect(correlate(correlations(aliased), of('x', 'X'))).toMatchObject([{ group: { who: 'x' } }]);
  expect(windows(aliased, of('x', 'y'))).toEqual([]);
});

test('a correlation of correlations sees a window as an event at its end', () => {
  const linked = correlations(
    { type: 'event_count', rules: ['a'], ...minute, condition: { gte: 3 } },
    { type: 'temporal_ordered', rules: ['correlation_0', 'b'], ...minute },
  );
  const fired = (text: string): string[] => correlate(linked, events(text)).map(({ rule }) => rule.title);
  expect(fired('a@0 a@1 a@2 b@3')).toEqual(['correlation 0', 'correlation 1']);
  expect(fired('b@0 a@1 a@2 a@3')).toEqual(['correlation 0']);
  expect(correlate(linked, events('a@0 a@1 a@2 b@3'))[1]?.events).toEqual([0, 1, 2, 3]);
});
