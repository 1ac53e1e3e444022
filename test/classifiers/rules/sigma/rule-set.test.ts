import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { SigmaEvent } from '../../../../classifiers/rules/sigma/event.ts';
import { RuleSet } from '../../../../classifiers/rules/sigma/rule-set.ts';
import { event, rule } from './fires.ts';
import { naivelyFires } from './naive.ts';

const any = { a: { 'A|exists': true }, condition: 'a' };

describe('the log source', () => {
  const at = (logsource: object): RuleSet => RuleSet.of([rule(any, {}, { logsource })]);
  const seen: SigmaEvent = {
    product: 'windows',
    categories: ['registry_set', 'registry_event'],
    service: 'sysmon',
    fields: { A: 1 },
  };

  test.each([
    [{}, 1],
    [{ product: 'windows' }, 1],
    [{ category: 'registry_set' }, 1],
    [{ category: 'registry_event', product: 'windows' }, 1],
    [{ service: 'sysmon' }, 1],
    [{ product: 'windows', category: 'registry_set', service: 'sysmon' }, 1],
    [{ product: 'linux' }, 0],
    [{ category: 'process_creation' }, 0],
    [{ product: 'windows', service: 'security' }, 0],
  ])('%j fires %d times', (logsource, times) => {
    expect(at(logsource).match(seen)).toHaveLength(times);
  });
});

describe('what a partial event settles', () => {
  const settled = new Set(['CommandLine']);
  const seen = event({ CommandLine: 'bad', Image: '\\a.exe' });
  const certain = (detection: object): boolean =>
    RuleSet.of([rule({ ...detection })]).match(seen, settled).length > 0;

  test('a positive test holds whatever else the event has', () => {
    expect(certain({ s: { CommandLine: 'bad', 'Image|endswith': '\\a.exe' }, condition: 's' })).toBe(true);
    expect(certain({ s: { CommandLine: 'bad' }, f: { CommandLine: 'good' }, condition: 's and not f' })).toBe(
      true,
    );
  });

  test('an exception that reads an unsettled field could undo the match', () => {
    const s = { CommandLine: 'bad' };
    expect(certain({ s, f: { ParentImage: 'x' }, condition: 's and not f' })).toBe(false);
    expect(certain({ s, f: { Image: 'x' }, condition: 's and not f' })).toBe(false);
    expect(certain({ s, f: { ParentImage: null }, condition: 's and f' })).toBe(false);
    expect(certain({ s, f: ['word'], condition: 's and not f' })).toBe(false);
    expect(certain({ s, f: { 'User|neq': 'x' }, condition: 's and f' })).toBe(false);
    expect(certain({ s, f: { ParentImage: 'x' }, condition: 's and not (not f)' })).toBe(false);
  });
});

const letters = fc.constantFrom('a', 'b', 'A', 'k', '\u212a', '\u00e9', '\u0130', '\\', '-', '*', '?');
const value = fc.string({ unit: letters, maxLength: 4 });
const source = fc
  .array(
    fc.constantFrom(
      'a',
      'b',
      'ab',
      'K',
      '.',
      'a+',
      'b*',
      '(ab)?',
      '(a|b)',
      '[ab]',
      'a{2}',
      '\\\\',
      '^',
      '$',
      '-',
    ),
    { maxLength: 5 },
  )
  .map((parts) => parts.join(''));
const modifiers = fc.constantFrom(
  '',
  '|contains',
  '|startswith',
  '|endswith',
  '|contains|all',
  '|contains|cased',
  '|neq',
  '|windash|contains',
  '|base64offset|contains',
);
const name = fc.constantFrom('A', 'B', 'C');
const line = fc.oneof(
  fc.tuple(name, modifiers, fc.array(value, { minLength: 1, maxLength: 3 })).map(([field, how, values]) => {
    const plain = how.includes('base64') ? values.map((text) => text.replaceAll(/[*?\\]/g, 'a')) : values;
    return { [`${field}${how}`]: plain };
  }),
  fc
    .tuple(name, fc.constantFrom('|re', '|re|i'), source)
    .map(([field, how, regex]) => ({ [`${field}${how}`]: regex })),
  fc.tuple(name, fc.boolean()).map(([field, there]) => ({ [`${field}|exists`]: there })),
  fc.tuple(name, name).map(([field, other]) => ({ [`${field}|fieldref|contains`]: other })),
  name.map((field) => ({ [field]: null })),
  value.filter((text) => text !== '').map((text) => [text]),
);
const condition = fc.constantFrom(
  'x',
  'x and y',
  'x or z',
  'x and not y',
  'not (x or y)',
  '1 of them',
  'all of them',
  'x and (y or not z)',
  '(x or y) and z',
);
const detection = fc.record({ x: line, y: line, z: line, condition });
const fields = fc.dictionary(
  name,
  fc.oneof(value, fc.string({ unit: letters, maxLength: 12 }), fc.array(value, { maxLength: 2 })),
  { maxKeys: 3, noNullPrototype: true },
);

test('the prefilter changes no answer: a set fires exactly the rules that a naive evaluation fires', () => {
  fc.assert(
    fc.property(
      fc.array(detection, { minLength: 1, maxLength: 6 }),
      fc.array(fields, { minLength: 1, maxLength: 5 }),
      (detections, events) => {
        const rules = detections.map((each, index) => rule({ ...each }, {}, { title: `rule ${index}` }));
        const set = RuleSet.of(rules);
        for (const each of events) {
          const fired = set.match(event(each)).map(({ id }) => id);
          const naive = rules.filter(({ predicate }) => naivelyFires(predicate, each)).map(({ id }) => id);
          expect(fired).toEqual(naive);
        }
      },
    ),
    { numRuns: 1_500 },
  );
});
