import { BlockList, isIP } from 'node:net';
import { expandDashes, toBase64, toBase64Offsets, widen } from './encodings.ts';
import type { Pattern } from './pattern.ts';
import { openPattern, parsePattern, plainText } from './pattern.ts';
import type { Comparison, Predicate, TimePart, ValueTest } from './predicate.ts';
import { allOf, anyOf } from './predicate.ts';
import { compileRegex } from './regex.ts';
import { RuleProblem } from './rule-problem.ts';

export type RuleValue = string | number | boolean | null;
/** Lists of values that `|expand` puts in the place of `%name%`. */
export type Placeholders = Readonly<Record<string, readonly string[]>>;

const comparisons: readonly string[] = ['lt', 'lte', 'gt', 'gte'] satisfies Comparison[];
const timeParts: readonly string[] = ['minute', 'hour', 'day', 'week', 'month', 'year'] satisfies TimePart[];
const wides: readonly string[] = ['wide', 'utf16le', 'utf16be', 'utf16'];
const encodings: readonly string[] = [...wides, 'windash', 'base64', 'base64offset'];
const ends: readonly string[] = ['contains', 'startswith', 'endswith'];
const flags: readonly string[] = ['i', 'ignorecase', 'm', 'multiline', 's', 'dotall'];
const linking: readonly string[] = ['all', 'neq', 'expand', 'cased'];
const kinds: readonly string[] = ['re', 'cidr', 'exists', 'fieldref', ...comparisons, ...timeParts];
/** Every modifier that the engine knows. */
export const knownModifiers: ReadonlySet<string> = new Set([
  ...encodings,
  ...ends,
  ...flags,
  ...linking,
  ...kinds,
]);

const maximalExpansions = 10_000;

/**
 * One `field|modifiers: values` line as a predicate. An empty field makes keywords. Values are alternatives unless
 * `all` links them; `neq` negates the whole line. Throws RuleProblem.
 */
export function parseDetectionItem(
  field: string | undefined,
  modifiers: readonly string[],
  values: readonly RuleValue[],
  placeholders: Placeholders,
): Predicate {
  const unknown = modifiers.find((modifier) => !knownModifiers.has(modifier));
  if (unknown !== undefined) throw new RuleProblem(`the modifier "${unknown}" is not known`);
  if (values.length === 0) throw new RuleProblem('the list of values is empty');
  const expanded = modifiers.includes('expand') ? expandAll(values, placeholders) : values;
  const alternatives = expanded.map((value) =>
    anyOf(toTests(field, modifiers, value).map((test): Predicate => ({ kind: 'test', field, test }))),
  );
  const linked = modifiers.includes('all') ? allOf(alternatives) : anyOf(alternatives);
  return modifiers.includes('neq') ? { kind: 'not', of: linked } : linked;
}

function toTests(
  field: string | undefined,
  modifiers: readonly string[],
  value: RuleValue,
): readonly ValueTest[] {
  const kind = modifiers.find((modifier) => kinds.includes(modifier));
  if (modifiers.filter((modifier) => kinds.includes(modifier)).length > 1) {
    throw new RuleProblem(`the modifiers ${modifiers.join(', ')} exclude each other`);
  }
  if (kind === undefined) return toTextTests(field, modifiers, value);
  const encoding = modifiers.find((modifier) => encodings.includes(modifier));
  if (encoding !== undefined) throw new RuleProblem(`"${encoding}" cannot be combined with "${kind}"`);
  if (field === undefined && kind !== 're') throw new RuleProblem(`"${kind}" needs a field`);
  if (kind === 're') return [toRegexTest(modifiers, value)];
  if (kind === 'cidr') return [toNetworkTest(value)];
  if (kind === 'exists') return [toExistsTest(modifiers, value)];
  if (kind === 'fieldref') return [toReferenceTest(modifiers, value)];
  return [toNumberTest(kind, value)];
}

function toTextTests(
  field: string | undefined,
  modifiers: readonly string[],
  value: RuleValue,
): readonly ValueTest[] {
  if (value === null) {
    if (modifiers.some((modifier) => modifier !== 'all' && modifier !== 'neq')) {
      throw new RuleProblem('null takes no modifier but neq');
    }
    if (field === undefined) throw new RuleProblem('a keyword cannot be null');
    return [{ kind: 'null' }];
  }
  const flag = modifiers.find((modifier) => flags.includes(modifier));
  if (flag !== undefined) throw new RuleProblem(`"${flag}" needs the modifier "re" before it`);
  const cased = modifiers.includes('cased');
  return encode(parsePattern(String(value)), modifiers).map((pattern) => ({
    kind: 'text',
    pattern: field === undefined ? openPattern(pattern, { start: true, end: true }) : pattern,
    cased,
  }));
}

/** Modifiers that change the value are applied in the order in which they stand. */
function encode(pattern: Pattern, modifiers: readonly string[]): readonly Pattern[] {
  let patterns: readonly Pattern[] = [pattern];
  let bytes = false;
  for (const modifier of modifiers) {
    patterns = patterns.flatMap((each): readonly Pattern[] => {
      if (modifier === 'windash') return expandDashes(each);
      if (modifier === 'base64') return [toBase64(each, bytes)];
      if (modifier === 'base64offset') return toBase64Offsets(each, bytes);
      if (modifier === 'utf16' || modifier === 'utf16be') return [widen(each, modifier)];
      if (modifier === 'wide' || modifier === 'utf16le') return [widen(each, modifier)];
      if (modifier === 'contains') return [openPattern(each, { start: true, end: true })];
      if (modifier === 'startswith') return [openPattern(each, { start: false, end: true })];
      if (modifier === 'endswith') return [openPattern(each, { start: true, end: false })];
      return [each];
    });
    bytes ||= wides.includes(modifier);
    if (modifier === 'base64' || modifier === 'base64offset') bytes = false;
  }
  return patterns;
}

function toRegexTest(modifiers: readonly string[], value: RuleValue): ValueTest {
  if (typeof value !== 'string' && typeof value !== 'number') throw new RuleProblem('"re" needs a text');
  const given = (short: string, long: string): boolean =>
    modifiers.includes(short) || modifiers.includes(long);
  const source = anchored(String(value), modifiers);
  const regexFlags = {
    ignoreCase: given('i', 'ignorecase'),
    multiline: given('m', 'multiline'),
    dotAll: given('s', 'dotall'),
  };
  return { kind: 'regex', source, flags: regexFlags, matches: compileRegex(source, regexFlags) };
}

/** A regular expression is searched for, so `contains` adds nothing, and the two ends become anchors. */
function anchored(source: string, modifiers: readonly string[]): string {
  if (modifiers.includes('startswith')) return `^(?:${source})`;
  if (modifiers.includes('endswith')) return `(?:${source})$`;
  return source;
}

function toNetworkTest(value: RuleValue): ValueTest {
  const [address = '', prefixText, ...rest] = String(value).split('/');
  const family = isIP(address) === 4 ? 'ipv4' : 'ipv6';
  const bits = family === 'ipv4' ? 32 : 128;
  const prefix = prefixText === undefined ? bits : Number(prefixText);
  const valid = isIP(address) !== 0 && rest.length === 0 && prefixText !== '' && Number.isInteger(prefix);
  if (!valid || prefix < 0 || prefix > bits)
    throw new RuleProblem(`"${String(value)}" is not an address range`);
  new BlockList().addSubnet(address, prefix, family);
  return { kind: 'network', address, prefix, family };
}

function toExistsTest(modifiers: readonly string[], value: RuleValue): ValueTest {
  if (typeof value !== 'boolean') throw new RuleProblem('"exists" takes true or false');
  if (modifiers.some((modifier) => modifier !== 'exists')) throw new RuleProblem('"exists" stands alone');
  return { kind: value ? 'exists' : 'null' };
}

function toReferenceTest(modifiers: readonly string[], value: RuleValue): ValueTest {
  const field = plainText(parsePattern(String(value)));
  if (field === undefined || field === '') throw new RuleProblem('"fieldref" needs the name of a field');
  const contains = modifiers.includes('contains');
  return {
    kind: 'reference',
    field,
    start: contains || modifiers.includes('endswith'),
    end: contains || modifiers.includes('startswith'),
    cased: modifiers.includes('cased'),
  };
}

function toNumberTest(kind: string, value: RuleValue): ValueTest {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number))
    throw new RuleProblem(`"${kind}" needs a number`);
  const operator = isComparison(kind) ? kind : undefined;
  if (operator !== undefined) return { kind: 'compare', operator, value: number };
  if (isTimePart(kind)) return { kind: 'time', part: kind, value: number };
  throw new RuleProblem(`the modifier "${kind}" is not known`);
}

const isComparison = (name: string): name is Comparison => comparisons.includes(name);
const isTimePart = (name: string): name is TimePart => timeParts.includes(name);

function expandAll(values: readonly RuleValue[], placeholders: Placeholders): readonly RuleValue[] {
  const expanded = values.flatMap((value): readonly RuleValue[] =>
    typeof value === 'string' ? expand(value, placeholders) : [value],
  );
  if (expanded.length > maximalExpansions) throw new RuleProblem('the placeholders make too many values');
  return expanded;
}

/** A percent sign after a backslash is plain. */
const placeholder = /\\%|%([^%\\\s]+)%/g;

function expand(value: string, placeholders: Placeholders): readonly string[] {
  let texts = [''];
  let from = 0;
  const append = (items: readonly string[]): void => {
    texts = texts.flatMap((text) => items.map((item) => `${text}${item}`));
    if (texts.length > maximalExpansions) throw new RuleProblem('the placeholders make too many values');
  };
  for (const { 0: found, 1: name, index } of value.matchAll(placeholder)) {
    append([value.slice(from, index)]);
    from = index + found.length;
    append(name === undefined ? ['%'] : valuesOf(name, placeholders));
  }
  append([value.slice(from)]);
  return texts;
}

function valuesOf(name: string, placeholders: Placeholders): readonly string[] {
  const list = Object.hasOwn(placeholders, name) ? placeholders[name] : undefined;
  if (list === undefined || list.length === 0)
    throw new RuleProblem(`the placeholder %${name}% has no values`);
  return list;
}
