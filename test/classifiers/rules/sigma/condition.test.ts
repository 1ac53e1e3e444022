import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { RuleProblem } from '../../../../classifiers/rules/sigma/rule-problem.ts';
import { fires, rule } from './fires.ts';

const detections = { a: { A: 1 }, b: { B: 1 }, sel_x: { X: 1 }, sel_y: { Y: 1 }, _private: { P: 1 } };

/** `truths` names the fields that are set. */
function holds(condition: string | readonly string[], truths: string): boolean {
  return fires({ ...detections, condition }, Object.fromEntries(truths.split('').map((name) => [name, 1])));
}

describe('a condition', () => {
  test.each([
    ['a', 'A', 'B'],
    ['a and b', 'AB', 'A'],
    ['a or b', 'B', 'X'],
    ['not a', 'B', 'A'],
    ['not not a', 'A', 'B'],
    ['a AND NOT b', 'A', 'AB'],
    ['a or b and sel_x', 'A', 'B'],
    ['(a or b) and sel_x', 'BX', 'A'],
    ['not (a or b)', 'X', 'B'],
    ['1 of sel_*', 'Y', 'A'],
    ['any of sel_*', 'X', 'A'],
    ['all of sel_*', 'XY', 'X'],
    ['1 of them', 'B', 'P'],
    ['all of them', 'ABXY', 'ABX'],
    ['1 of _*', 'P', 'A'],
    ['1 of sel_x', 'X', 'Y'],
    ['a and not 1 of sel_*', 'A', 'AY'],
    ['1 of sel_? and (a and b)', 'XAB', 'XA'],
  ])('%s', (condition, truths, others) => {
    expect(holds(condition, truths)).toBe(true);
    expect(holds(condition, others)).toBe(false);
  });

  test('in a list is one of several', () => {
    expect(holds(['a', 'b'], 'B')).toBe(true);
    expect(holds(['a', 'b'], 'X')).toBe(false);
  });

  test.each([
    ['', /ends too early/],
    ['a and', /ends too early/],
    ['a b', /does not end before "b"/],
    ['(a', /not closed/],
    ['a)', /does not end before/],
    ['c', /names "c"/],
    ['2 of sel_*', /not a quantifier/],
    ['1 of none_*', /selects no detection/],
    ['a | count() > 5', /correlation rule/],
    [`${'('.repeat(40)}a${')'.repeat(40)}`, /deeper than/],
    [Array<string>(300).fill('a').join(' or '), /more than 512 words/],
  ])('%s is refused', (condition, reason) => {
    expect(() => rule({ ...detections, condition })).toThrow(reason);
  });
});

describe('a detection', () => {
  test('that is a map asks for all of its fields, a list of maps for one of them', () => {
    const list = { s: [{ A: 1, B: 1 }, { X: 1 }], condition: 's' };
    expect(fires(list, { A: 1, B: 1 })).toBe(true);
    expect(fires(list, { X: 1 })).toBe(true);
    expect(fires(list, { A: 1 })).toBe(false);
  });

  test('that is a list of texts looks for keywords in every field', () => {
    const keywords = { k: ['mimikatz', 'sekurlsa*logon'], condition: 'k' };
    expect(fires(keywords, { CommandLine: 'x MIMIKATZ y' })).toBe(true);
    expect(fires(keywords, { Any: ['a', 'sekurlsa::logonpasswords'] })).toBe(true);
    expect(fires(keywords, { CommandLine: 'mimi katz' })).toBe(false);
    expect(fires({ k: { '|all': ['a', 'b'] }, condition: 'k' }, { X: 'a', Y: 'b' })).toBe(true);
    expect(fires({ k: { '|all': ['a', 'b'] }, condition: 'k' }, { X: 'a', Y: 'c' })).toBe(false);
    expect(fires({ k: { '|re': 'a{3}' }, condition: 'k' }, { X: 'aaa' })).toBe(true);
    expect(fires({ k: 'single', condition: 'k' }, { X: 'a single one' })).toBe(true);
  });
});

test('whatever a condition says, it is refused with its place or is a condition', () => {
  const words = fc.constantFrom(
    'a',
    'b',
    'and',
    'or',
    'not',
    '(',
    ')',
    '1',
    'all',
    'of',
    'them',
    'sel_*',
    '|',
    '*',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(words, fc.string()), { maxLength: 14 }), (tokens) => {
      try {
        expect(typeof holds(tokens.join(' '), 'AX')).toBe('boolean');
      } catch (error) {
        expect(error).toBeInstanceOf(RuleProblem);
        expect((error as RuleProblem).path).toEqual(['detection', 'condition']);
      }
    }),
    { numRuns: 2_000 },
  );
});
