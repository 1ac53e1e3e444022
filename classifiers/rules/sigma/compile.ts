import { BlockList, isIP } from 'node:net';
import { compilePattern, mapText } from './pattern.ts';
import type { Comparison, Predicate, TimePart, ValueTest } from './predicate.ts';
import type { Row, Texts } from './row.ts';

export type Matcher = (row: Row) => boolean;

/** Compiles a predicate to closures. `slotOf` numbers the fields of a row. Cheap parts of a conjunction run first. */
export function compilePredicate(predicate: Predicate, slotOf: (field: string) => number): Matcher {
  switch (predicate.kind) {
    case 'not': {
      const inner = compilePredicate(predicate.of, slotOf);
      return (row) => !inner(row);
    }
    case 'and':
    case 'or': {
      const parts = predicate.of
        .toSorted((a, b) => effort(a) - effort(b))
        .map((part) => compilePredicate(part, slotOf));
      return predicate.kind === 'and' ? conjunction(parts) : disjunction(parts);
    }
    case 'test':
      return predicate.field === undefined
        ? compileKeyword(predicate.test)
        : compileFieldTest(slotOf(predicate.field), predicate.test, slotOf);
  }
}

function conjunction(parts: readonly Matcher[]): Matcher {
  const [first, second] = parts;
  if (parts.length === 2 && first !== undefined && second !== undefined)
    return (row) => first(row) && second(row);
  return (row) => {
    for (const part of parts) if (!part(row)) return false;
    return true;
  };
}

function disjunction(parts: readonly Matcher[]): Matcher {
  return (row) => {
    for (const part of parts) if (part(row)) return true;
    return false;
  };
}

/** Relative work of a predicate; only the order matters. */
function effort(predicate: Predicate): number {
  if (predicate.kind === 'not') return effort(predicate.of);
  if (predicate.kind !== 'test') return predicate.of.reduce((sum, part) => sum + effort(part), 0);
  if (predicate.field === undefined) return 50;
  return predicate.test.kind === 'regex' ? 20 : 1;
}

function compileFieldTest(slot: number, test: ValueTest, slotOf: (field: string) => number): Matcher {
  if (test.kind === 'exists') return (row) => row.raw[slot] !== undefined;
  if (test.kind === 'null') return (row) => row.raw[slot] === undefined;
  if (test.kind === 'reference') return compileReference(slot, slotOf(test.field), test);
  const matches = compileTextTest(test);
  const folded = test.kind === 'text' && !test.cased;
  return (row) => {
    const texts = folded ? row.lower(slot) : row.raw[slot];
    if (texts === undefined) return false;
    return typeof texts === 'string' ? matches(texts) : texts.some(matches);
  };
}

function compileKeyword(test: ValueTest): Matcher {
  if (test.kind !== 'text' && test.kind !== 'regex')
    throw new Error(`a keyword cannot be a test of "${test.kind}"`);
  const matches = compileTextTest(test);
  const folded = test.kind === 'text' && !test.cased;
  return (row) => (folded ? row.all().lower : row.all().raw).some(matches);
}

function compileTextTest(
  test: Exclude<ValueTest, { kind: 'exists' | 'null' | 'reference' }>,
): (text: string) => boolean {
  switch (test.kind) {
    case 'text':
      return compilePattern(test.cased ? test.pattern : mapText(test.pattern, (text) => text.toLowerCase()));
    case 'regex':
      return test.matches;
    case 'network': {
      const network = new BlockList();
      network.addSubnet(test.address, test.prefix, test.family);
      return (text) => {
        const version = isIP(text);
        return version !== 0 && network.check(text, version === 4 ? 'ipv4' : 'ipv6');
      };
    }
    case 'compare':
      return compileComparison(test.operator, test.value);
    case 'time':
      return (text) => timePart(text, test.part) === test.value;
  }
}

function compileComparison(operator: Comparison, bound: number): (text: string) => boolean {
  const compare = { lt: below, lte: atMost, gt: above, gte: atLeast }[operator];
  return (text) => text.trim() !== '' && compare(Number(text), bound);
}

const below = (value: number, bound: number): boolean => value < bound;
const atMost = (value: number, bound: number): boolean => value <= bound;
const above = (value: number, bound: number): boolean => value > bound;
const atLeast = (value: number, bound: number): boolean => value >= bound;

/** A part of a time in UTC; `week` is the ISO 8601 week. Undefined where the text is no time. */
function timePart(text: string, part: TimePart): number | undefined {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return undefined;
  switch (part) {
    case 'minute':
      return time.getUTCMinutes();
    case 'hour':
      return time.getUTCHours();
    case 'day':
      return time.getUTCDate();
    case 'week':
      return isoWeek(time);
    case 'month':
      return time.getUTCMonth() + 1;
    case 'year':
      return time.getUTCFullYear();
  }
}

/** A week belongs to the year of its Thursday. */
function isoWeek(time: Date): number {
  const dayMs = 86_400_000;
  const weekday = (time.getUTCDay() + 6) % 7;
  const thursday = new Date(
    Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate() - weekday + 3),
  );
  return 1 + Math.floor((thursday.getTime() - Date.UTC(thursday.getUTCFullYear(), 0, 1)) / (7 * dayMs));
}

function compileReference(
  slot: number,
  other: number,
  test: Extract<ValueTest, { kind: 'reference' }>,
): Matcher {
  const matches = referenceTest(test.start, test.end);
  return (row) => {
    const left = listOf(test.cased ? row.raw[slot] : row.lower(slot));
    const right = listOf(test.cased ? row.raw[other] : row.lower(other));
    return left.some((text) => right.some((reference) => matches(text, reference)));
  };
}

function referenceTest(start: boolean, end: boolean): (text: string, reference: string) => boolean {
  if (start && end) return (text, reference) => text.includes(reference);
  if (start) return (text, reference) => text.endsWith(reference);
  if (end) return (text, reference) => text.startsWith(reference);
  return (text, reference) => text === reference;
}

function listOf(texts: Texts): readonly string[] {
  if (texts === undefined) return [];
  return typeof texts === 'string' ? [texts] : texts;
}
