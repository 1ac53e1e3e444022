import type { SigmaEvent } from '../../classifiers/rules/sigma/event.ts';
import type { CorrelationType } from '../../classifiers/rules/sigma/rule.ts';

type Fields = SigmaEvent['fields'];

/** What the reference page says of one modifier, with an example that a test runs. */
export interface ModifierExample {
  readonly means: string;
  /** One line of a detection. */
  readonly line: Readonly<Record<string, unknown>>;
  readonly selects: Fields;
  readonly leaves: Fields;
}

const encoded = (text: string, encoding: BufferEncoding = 'utf8'): string =>
  Buffer.from(text, encoding).toString('base64');
const time = '2024-12-31T23:07:00Z';
const part = (name: string, means: string, value: number): ModifierExample => ({
  means: `${means}, in UTC.`,
  line: { [`T|${name}`]: value },
  selects: { T: time },
  leaves: { T: '2023-05-06T07:08:00Z' },
});
const bound = (name: string, means: string, inside: number, outside: number): ModifierExample => ({
  means: `The number is ${means} the value; text that is no number is not.`,
  line: { [`Port|${name}`]: 443 },
  selects: { Port: inside },
  leaves: { Port: outside },
});
const flag = (name: string, means: string, source: string, text: string): ModifierExample => ({
  means: `After \`re\`: ${means}`,
  line: { [`T|re|${name}`]: source },
  selects: { T: text },
  leaves: { T: 'none' },
});

/** Every modifier that the engine knows. */
export const modifierExamples: Readonly<Record<string, ModifierExample>> = {
  contains: {
    means: 'The value stands anywhere in the field.',
    line: { 'T|contains': 'bc' },
    selects: { T: 'aBCd' },
    leaves: { T: 'b c' },
  },
  startswith: {
    means: 'The field begins with the value.',
    line: { 'T|startswith': 'ab' },
    selects: { T: 'ABc' },
    leaves: { T: 'cab' },
  },
  endswith: {
    means: 'The field ends with the value.',
    line: { 'T|endswith': '\\a.exe' },
    selects: { T: 'C:\\A.exe' },
    leaves: { T: 'C:\\a.exe.txt' },
  },
  all: {
    means: 'All values of the list hold, and not one of them.',
    line: { 'T|contains|all': ['a', 'b'] },
    selects: { T: 'b-a' },
    leaves: { T: 'a' },
  },
  cased: {
    means: 'With regard to case.',
    line: { 'T|cased': 'Ab' },
    selects: { T: 'Ab' },
    leaves: { T: 'ab' },
  },
  neq: {
    means: 'The whole line does not hold; a missing field is not equal to anything.',
    line: { 'T|neq': ['a', 'b'] },
    selects: { T: 'c' },
    leaves: { T: 'B' },
  },
  exists: {
    means: 'The field is there (`true`) or is not (`false`), empty or not. It stands alone.',
    line: { 'T|exists': true },
    selects: { T: '' },
    leaves: {},
  },
  re: {
    means:
      'A regular expression is found in the field, with regard to case, on RE2: no look-around, no back-references, and time linear in the text. `startswith` and `endswith` after it anchor it.',
    line: { 'T|re': 'a{2}b?$' },
    selects: { T: 'xaa' },
    leaves: { T: 'aac' },
  },
  i: flag('i', 'without regard to case.', 'AB', 'xab'),
  ignorecase: flag('ignorecase', 'as `i`.', 'AB', 'xab'),
  m: flag('m', '`^` and `$` at each line.', '^b$', 'a\nb'),
  multiline: flag('multiline', 'as `m`.', '^b$', 'a\nb'),
  s: flag('s', '`.` is a line break too.', 'a.b', 'a\nb'),
  dotall: flag('dotall', 'as `s`.', 'a.b', 'a\nb'),
  cidr: {
    means: 'The address lies in the network, of IPv4 or IPv6.',
    line: { 'Ip|cidr': ['10.0.0.0/8', '2001:db8::/32'] },
    selects: { Ip: '2001:db8::1' },
    leaves: { Ip: '11.0.0.1' },
  },
  lt: bound('lt', 'below', 442, 443),
  lte: bound('lte', 'at most', 443, 444),
  gt: bound('gt', 'above', 444, 443),
  gte: bound('gte', 'at least', 443, 442),
  minute: part('minute', 'The minute of a time', 7),
  hour: part('hour', 'The hour of a time', 23),
  day: part('day', 'The day of the month', 31),
  week: part('week', 'The week of ISO 8601', 1),
  month: part('month', 'The month', 12),
  year: part('year', 'The year', 2024),
  fieldref: {
    means:
      'The value names another field of the event; `contains`, `startswith`, `endswith`, `cased` and `neq` combine with it.',
    line: { 'T|fieldref|startswith': 'U' },
    selects: { T: 'abc', U: 'AB' },
    leaves: { T: 'abc', U: 'bc' },
  },
  expand: {
    means:
      '`%name%` stands for each value of a list that the operator gives; `\\%` is a percent sign. Without a list the rule is rejected.',
    line: { 'T|expand|contains': '\\%-%names%-' },
    selects: { T: '%-two-' },
    leaves: { T: '%names%' },
  },
  windash: {
    means:
      'An option may begin with `-`, `/` or any of three longer dashes; three options in a value at most.',
    line: { 'T|windash|contains': ' -f' },
    selects: { T: 'a \u2013f' },
    leaves: { T: 'a +f' },
  },
  base64: {
    means: 'The value encoded; no wildcards in it.',
    line: { 'T|base64|contains': 'http:/' },
    selects: { T: encoded('http://') },
    leaves: { T: 'http:/' },
  },
  base64offset: {
    means: 'The value somewhere inside of encoded data, in any of three alignments.',
    line: { 'T|base64offset|contains': 'Invoke' },
    selects: { T: encoded('x; Invoke-It') },
    leaves: { T: encoded('x; nvoke-It') },
  },
  wide: {
    means: 'Before base64: the value as UTF-16, little end first.',
    line: { 'T|wide|base64offset|contains': 'Invoke' },
    selects: { T: encoded('x; Invoke-It', 'utf16le') },
    leaves: { T: encoded('x; Invoke-It') },
  },
  utf16le: {
    means: 'As `wide`.',
    line: { 'T|utf16le|base64': 'cmd' },
    selects: { T: encoded('cmd', 'utf16le') },
    leaves: { T: encoded('cmd') },
  },
  utf16be: {
    means: 'Before base64: the value as UTF-16, big end first.',
    line: { 'T|utf16be|base64': 'cmd' },
    selects: { T: encoded('\u6300\u6d00\u6400', 'utf16le') },
    leaves: { T: encoded('cmd', 'utf16le') },
  },
  utf16: {
    means: 'As `wide`, after a byte order mark.',
    line: { 'T|utf16|base64': 'cmd' },
    selects: { T: encoded('\ufeffcmd', 'utf16le') },
    leaves: { T: encoded('cmd', 'utf16le') },
  },
};

/** Lists for the example of `expand`. */
export const examplePlaceholders = { names: ['one', 'two'] };

/** What each type of correlation asks of a window. */
export const correlationMeanings: Readonly<Record<CorrelationType, string>> = {
  event_count: 'So many events.',
  value_count: 'So many different values of a field, or combinations of several.',
  value_sum: 'The sum of a field.',
  value_avg: 'The mean of a field.',
  value_median: 'The median of a field.',
  value_percentile: 'A percentile of a field, named by `percentile` in the condition.',
  temporal: 'All of the rules, so many of them (a condition with a bound), or an expression over them.',
  temporal_ordered:
    'The same, in the order of the list. Of events at one time the later in the report counts as later.',
};

/** Everything else, feature and how it is understood. */
export const otherFeatures: readonly (readonly [string, string])[] = [
  [
    'values',
    'Text, numbers and truth values compare as text without regard to case. A list field matches when one of its members does.',
  ],
  ['`*` `?` `\\*` `\\?` `\\\\`', 'Wildcards and their escapes; a backslash before anything else is plain.'],
  ["`null`, `''`", 'The field is missing; the field is empty.'],
  [
    'keywords',
    'A list of texts, or an empty field name: found in any field; `|all`, `|re`, `|base64offset` and the like combine with it.',
  ],
  ['maps and lists', 'All lines of a map hold; one element of a list does.'],
  ['`and` `or` `not` `( )`', '`not` binds tighter than `and`, `and` tighter than `or`.'],
  [
    '`1 of` `any of` `all of`',
    'A pattern with wildcards, or `them`. Names that begin with `_` are left out unless the pattern begins with one.',
  ],
  ['list of conditions', 'One of them holds.'],
  ['log source', 'Each part that a rule names (category, product, service) is the event’s.'],
  ['`status`', '`deprecated` and `unsupported` rules are listed as rejected.'],
  ['`taxonomy`', '`sigma`, `ecs`, `sysmon`, `security`; another is rejected.'],
  [
    'filters',
    '`rules: any` or ids and names; the condition must hold beside the rule’s. A filter applies where each part of its log source is the rule’s.',
  ],
  [
    'correlations',
    '`group-by` (an event without the field takes no part), `timespan` (s, m, h, d, w; windows slide), `condition` (gt, gte, lt, lte, eq, neq; several together are a range), `aliases`, `generate`, correlations of correlations. `not` in an expression waits the whole timespan; an expression that silence fulfils is rejected.',
  ],
  [
    'parts of a correlation',
    'Rules in the file of a correlation are not reported by themselves unless it says `generate: true`. Rules of other files stay rules of their own.',
  ],
];

/** What is not there, and what happens instead. */
export const unsupported: readonly (readonly [string, string])[] = [
  ['`2 of …`', 'No part of the specification: the rule is rejected.'],
  ['aggregations after a vertical bar, `timeframe`', 'Replaced by correlations: the rule is rejected.'],
  ['`action: global` collections', 'Of Sigma 1: the document is rejected.'],
  ['look-around and back-references in `re`', 'RE2 has none: the rule is rejected.'],
  ['month and year as `timespan`', 'They have no fixed length: the rule is rejected.'],
  [
    'correlation across reports',
    'A correlation sees the events of one report, where a process tree stands; `sigma test` sees all events of its files.',
  ],
];
