import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { knownModifiers } from '../../../../classifiers/rules/sigma/detection-item.ts';
import { RuleProblem } from '../../../../classifiers/rules/sigma/rule-problem.ts';
import { rule, selects } from './fires.ts';

const powershell = { CommandLine: 'PowerShell.exe -NoP -Enc ZQBjAGgAbwA=' };

describe('plain values', () => {
  test('compare the whole text without regard to case', () => {
    expect(selects({ Image: 'C:\\A.EXE' }, { Image: 'c:\\a.exe' })).toBe(true);
    expect(selects({ Image: 'a.exe' }, { Image: 'c:\\a.exe' })).toBe(false);
  });

  test('are alternatives in a list, and numbers and truth values compare as text', () => {
    expect(selects({ EventID: [1, 2] }, { EventID: 2 })).toBe(true);
    expect(selects({ Signed: false }, { Signed: 'FALSE' })).toBe(true);
    expect(selects({ EventID: [1, 2] }, { EventID: 12 })).toBe(false);
  });

  test('match a field with several values when one of them matches', () => {
    expect(selects({ Hash: 'b' }, { Hash: ['a', 'b'] })).toBe(true);
    expect(selects({ Hash: 'ab' }, { Hash: ['a', 'b'] })).toBe(false);
  });

  test('null asks that the field is missing; the empty text asks for an empty one', () => {
    expect(selects({ User: null }, {})).toBe(true);
    expect(selects({ User: null }, { User: null })).toBe(true);
    expect(selects({ User: null }, { User: 'x' })).toBe(false);
    expect(selects({ User: '' }, { User: '' })).toBe(true);
    expect(selects({ User: '' }, {})).toBe(false);
    expect(selects({ User: [null, 'x'] }, {})).toBe(true);
  });
});

describe('contains, startswith, endswith, all, cased, neq', () => {
  test('contains, startswith and endswith place the value', () => {
    expect(selects({ 'CommandLine|contains': ' -enc ' }, powershell)).toBe(true);
    expect(selects({ 'CommandLine|startswith': 'powershell' }, powershell)).toBe(true);
    expect(selects({ 'CommandLine|startswith': 'shell' }, powershell)).toBe(false);
    expect(selects({ 'CommandLine|endswith': 'GGAbwA=' }, powershell)).toBe(true);
    expect(selects({ 'CommandLine|endswith': 'powershell' }, powershell)).toBe(false);
  });

  test('all asks for every value', () => {
    expect(selects({ 'CommandLine|contains|all': ['-nop', '-enc'] }, powershell)).toBe(true);
    expect(selects({ 'CommandLine|contains|all': ['-nop', '-sta'] }, powershell)).toBe(false);
  });

  test('cased regards case', () => {
    expect(selects({ 'CommandLine|contains|cased': 'PowerShell' }, powershell)).toBe(true);
    expect(selects({ 'CommandLine|contains|cased': 'powershell' }, powershell)).toBe(false);
  });

  test('neq negates the whole line, and a missing field is not equal', () => {
    expect(selects({ 'User|neq': ['a', 'b'] }, { User: 'c' })).toBe(true);
    expect(selects({ 'User|neq': ['a', 'b'] }, { User: 'B' })).toBe(false);
    expect(selects({ 'User|neq': 'a' }, {})).toBe(true);
  });
});

describe('re', () => {
  test('searches, with regard to case', () => {
    expect(selects({ 'CommandLine|re': '-E[nc]{2}\\s' }, powershell)).toBe(true);
    expect(selects({ 'CommandLine|re': '-e[nc]{2}\\s' }, powershell)).toBe(false);
  });

  test.each([
    ['i', '-ENC', 'x -enc'],
    ['ignorecase', '-ENC', 'x -enc'],
    ['m', '^b$', 'a\nb\nc'],
    ['multiline', '^b$', 'a\nb\nc'],
    ['s', 'a.b', 'a\nb'],
    ['dotall', 'a.b', 'a\nb'],
  ])('takes the flag %s', (flag, pattern, text) => {
    expect(selects({ [`T|re|${flag}`]: pattern }, { T: text })).toBe(true);
    expect(selects({ 'T|re': pattern }, { T: text })).toBe(false);
  });

  test('refuses what RE2 lacks, and what is no expression', () => {
    expect(() => rule({ a: { 'T|re': '(?=x)y' }, condition: 'a' })).toThrow(/not valid on RE2/);
    expect(() => rule({ a: { 'T|re': '(a)\\1' }, condition: 'a' })).toThrow(/not valid on RE2/);
    expect(() => rule({ a: { 'T|re': '(' }, condition: 'a' })).toThrow(/not valid on RE2/);
    expect(() => rule({ a: { 'T|contains|i': 'x' }, condition: 'a' })).toThrow(/needs the modifier "re"/);
  });

  test('answers on an expression that makes backtracking engines hang', () => {
    expect(selects({ 'T|re': '(a+)+$' }, { T: `${'a'.repeat(5_000)}b` })).toBe(false);
  });
});

describe('cidr, comparisons, time parts', () => {
  test.each([
    ['10.0.0.0/8', '10.200.3.4', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['192.0.2.7', '192.0.2.7', true],
    ['2001:db8::/32', '2001:db8:1::5', true],
    ['2001:db8::/32', '2001:db9::5', false],
    ['10.0.0.0/8', 'not an address', false],
    ['0.0.0.0/0', '203.0.113.9', true],
  ])('%s holds %s: %s', (range, address, holds) => {
    expect(selects({ 'Ip|cidr': range }, { Ip: address })).toBe(holds);
  });

  test.each(['10.0.0.0/33', '10.0.0.0/', 'x/8', '10.0.0.0/8/8', '10.0.0.0/1.5'])('%s is refused', (range) => {
    expect(() => rule({ a: { 'Ip|cidr': range }, condition: 'a' })).toThrow(/not an address range/);
  });

  test.each([
    ['lt', 5, [4], [5, 6]],
    ['lte', 5, [4, 5], [6]],
    ['gt', 5, [6], [4, 5]],
    ['gte', 5, [5, 6], [4]],
  ] as const)('%s compares numbers', (operator, bound, inside, outside) => {
    for (const port of inside) expect(selects({ [`Port|${operator}`]: bound }, { Port: port })).toBe(true);
    for (const port of outside) expect(selects({ [`Port|${operator}`]: bound }, { Port: port })).toBe(false);
    expect(selects({ [`Port|${operator}`]: bound }, { Port: 'many' })).toBe(false);
    expect(selects({ [`Port|${operator}`]: bound }, { Port: '' })).toBe(false);
    expect(selects({ [`Port|${operator}`]: bound }, {})).toBe(false);
  });

  test.each([
    ['minute', 7],
    ['hour', 23],
    ['day', 31],
    ['week', 1],
    ['month', 12],
    ['year', 2024],
  ])('%s reads a part of a time in UTC', (part, value) => {
    const time = { Time: '2024-12-31T23:07:00Z' };
    expect(selects({ [`Time|${part}`]: value }, time)).toBe(true);
    expect(selects({ [`Time|${part}`]: value + 1 }, time)).toBe(false);
    expect(selects({ [`Time|${part}`]: value }, { Time: 'once' })).toBe(false);
  });
});

describe('exists and fieldref', () => {
  test('exists asks whether the field is there', () => {
    expect(selects({ 'User|exists': true }, { User: '' })).toBe(true);
    expect(selects({ 'User|exists': true }, {})).toBe(false);
    expect(selects({ 'User|exists': false }, {})).toBe(true);
    expect(selects({ 'User|exists': false }, { User: 'x' })).toBe(false);
  });

  test('fieldref compares with another field of the event', () => {
    const fields = { Image: 'C:\\a.exe', ParentImage: 'c:\\A.exe', CommandLine: 'c:\\a.exe /x' };
    expect(selects({ 'Image|fieldref': 'ParentImage' }, fields)).toBe(true);
    expect(selects({ 'Image|fieldref|cased': 'ParentImage' }, fields)).toBe(false);
    expect(selects({ 'CommandLine|fieldref|startswith': 'Image' }, fields)).toBe(true);
    expect(selects({ 'CommandLine|fieldref|contains': 'Image' }, fields)).toBe(true);
    expect(selects({ 'CommandLine|fieldref|endswith': 'Image' }, fields)).toBe(false);
    expect(selects({ 'Image|fieldref': 'User' }, fields)).toBe(false);
  });
});

describe('encodings', () => {
  test.each(['-', '/', '\u2013', '\u2014', '\u2015'])('windash takes %s as the mark of an option', (dash) => {
    const line = { 'CommandLine|contains|windash': ' -f ' };
    expect(selects(line, { CommandLine: `x ${dash}f y` })).toBe(true);
    expect(selects(line, { CommandLine: `x +f y` })).toBe(false);
  });

  test('windash leaves dashes inside words and dates alone', () => {
    expect(selects({ 'T|windash|contains': 'a-b' }, { T: 'a/b' })).toBe(false);
    expect(selects({ 'T|windash|contains': 'a-b' }, { T: 'a-b' })).toBe(true);
  });

  test('base64 asks for the encoded value', () => {
    const encoded = Buffer.from('http://bad').toString('base64');
    expect(selects({ 'T|base64|contains': 'http://bad' }, { T: `x ${encoded}` })).toBe(true);
    expect(selects({ 'T|base64|contains': 'http://bad' }, { T: 'http://bad' })).toBe(false);
  });

  test.each([0, 1, 2, 3, 4, 5])('base64offset finds the value %d bytes into encoded data', (shift) => {
    const encoded = Buffer.from(`${'x'.repeat(shift)}Invoke-Expression yyy`).toString('base64');
    expect(selects({ 'T|base64offset|contains': 'Invoke-Expression' }, { T: encoded })).toBe(true);
    expect(selects({ 'T|base64offset|contains': 'Invoke-Command' }, { T: encoded })).toBe(false);
  });

  test.each([
    ['wide', 'utf16le', ''],
    ['utf16le', 'utf16le', ''],
    ['utf16', 'utf16le', '\ufeff'],
  ] as const)('%s encodes as %s before base64', (modifier, encoding, mark) => {
    const encoded = Buffer.from(`${mark}ping`, encoding).toString('base64');
    expect(selects({ [`T|${modifier}|base64`]: 'ping' }, { T: encoded })).toBe(true);
    const inside = Buffer.from(`${mark}ping 1.2.3.4`, encoding).toString('base64');
    expect(selects({ [`T|${modifier}|base64offset|contains`]: 'ping' }, { T: inside })).toBe(true);
  });

  test('utf16be puts the high byte first', () => {
    const encoded = Buffer.from('ping', 'utf16le').swap16().toString('base64');
    expect(selects({ 'T|utf16be|base64': 'ping' }, { T: encoded })).toBe(true);
  });

  test('a value with wildcards cannot be encoded', () => {
    expect(() => rule({ a: { 'T|base64': 'a*b' }, condition: 'a' })).toThrow(/wildcards/);
  });
});

describe('expand', () => {
  const placeholders = { admins: ['root', 'adm*'], hosts: ['a', 'b'] };

  test('puts the values of a list in the place of its name', () => {
    expect(selects({ 'User|expand': '%admins%' }, { User: 'ADMIN7' }, { placeholders })).toBe(true);
    expect(selects({ 'User|expand': '%admins%' }, { User: 'bob' }, { placeholders })).toBe(false);
    expect(selects({ 'T|expand|contains': '%hosts%-%hosts%' }, { T: 'x b-a y' }, { placeholders })).toBe(
      true,
    );
  });

  test('refuses a name without a list, also one that every object has', () => {
    for (const name of ['nobody', 'constructor']) {
      expect(() => rule({ a: { 'T|expand': `%${name}%` }, condition: 'a' }, { placeholders })).toThrow(
        /no values/,
      );
    }
  });
});

test.each([
  [{ 'T|like': 'x' }, /"like" is not known/],
  [{ T: [] }, /list of values is empty/],
  [{ 'T|re|cidr': 'x' }, /exclude each other/],
  [{ 'T|base64|re': 'x' }, /cannot be combined/],
  [{ 'T|contains': null }, /null takes no modifier/],
  [{ 'T|gt': 'many' }, /needs a number/],
  [{ 'T|exists': 'yes' }, /true or false/],
  [{ 'T|exists|all': true }, /stands alone/],
  [{ 'T|fieldref': 'a*' }, /name of a field/],
  [{ '|cidr': '10.0.0.0/8' }, /needs a field/],
  [{ 'T|windash': '-a -b -c -d' }, /at most 3/],
])('%j is refused', (line, reason) => {
  expect(() => rule({ a: line, condition: 'a' })).toThrow(reason);
});

test('whatever modifiers and values a line has, it is refused with a reason or answers on every event', () => {
  const words = fc.constantFrom(...knownModifiers, 'unknown', '');
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('(', '10.0.0.0/8', '%a%', '\\%', '*', '[', '2024-01-01', 'B'),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
  );
  const fields = fc.dictionary(
    fc.constantFrom('A', 'B', 'C'),
    fc.oneof(fc.string(), fc.double(), fc.boolean(), fc.constant(null), fc.array(fc.string())),
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(
      fc.constantFrom('A', ''),
      fc.array(words, { maxLength: 4 }),
      fc.array(value, { maxLength: 3 }),
      fields,
      (field, modifiers, values, seen) => {
        const line = { [[field, ...modifiers].join('|')]: values };
        try {
          selects(line, seen, { placeholders: { a: ['x', '*'] } });
        } catch (error) {
          expect(error).toBeInstanceOf(RuleProblem);
          expect((error as RuleProblem).path.slice(0, 2)).toEqual(['detection', 'selection']);
        }
      },
    ),
    { numRuns: 3_000 },
  );
});
