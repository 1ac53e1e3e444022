/**
 * Sigma's text values: `*` stands for any run of characters, `?` for one UTF-16 unit. A backslash makes a following
 * `*`, `?` or backslash plain; before anything else it is an ordinary character, so that Windows paths need no escapes.
 */
export type PatternPart = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'any' | 'one' };
export type Pattern = readonly PatternPart[];
export type TextTest = (text: string) => boolean;

const any: PatternPart = { kind: 'any' };
const one: PatternPart = { kind: 'one' };

/** Reads the escapes and wildcards of a rule's value. */
export function parsePattern(source: string): Pattern {
  const parts: PatternPart[] = [];
  let text = '';
  const flush = (part: PatternPart): void => {
    if (text !== '') parts.push({ kind: 'text', text });
    text = '';
    parts.push(part);
  };
  for (let at = 0; at < source.length; at += 1) {
    const char = source.charAt(at);
    const next = source.charAt(at + 1);
    if (char === '\\' && (next === '*' || next === '?' || next === '\\')) {
      text += next;
      at += 1;
    } else if (char === '*') flush(any);
    else if (char === '?') flush(one);
    else text += char;
  }
  if (text !== '') parts.push({ kind: 'text', text });
  return parts;
}

/** The pattern with `*` before it, after it, or both; an outer `*` that stands there already is not doubled. */
export function openPattern(pattern: Pattern, ends: { start: boolean; end: boolean }): Pattern {
  const start = ends.start && pattern[0]?.kind !== 'any' ? [any] : [];
  const end = ends.end && pattern.at(-1)?.kind !== 'any' ? [any] : [];
  return [...start, ...pattern, ...end];
}

/** The plain text of a pattern without wildcards, else undefined. */
export function plainText(pattern: Pattern): string | undefined {
  let text = '';
  for (const part of pattern) {
    if (part.kind !== 'text') return undefined;
    text += part.text;
  }
  return text;
}

export function mapText(pattern: Pattern, change: (text: string) => string): Pattern {
  return pattern.map((part) => (part.kind === 'text' ? { kind: 'text', text: change(part.text) } : part));
}

/** A run of fixed length between two `*`: plain text, or units with holes (undefined) where `?` stands. */
interface Segment {
  readonly length: number;
  readonly plain: string | undefined;
  readonly units: readonly (string | undefined)[];
}

/** Compiles a pattern into a test of a whole text. Matching costs at most text length times pattern length. */
export function compilePattern(pattern: Pattern): TextTest {
  const groups: PatternPart[][] = [[]];
  for (const part of pattern) {
    if (part.kind === 'any') groups.push([]);
    else groups.at(-1)?.push(part);
  }
  const segments = groups.map(toSegment);
  const [first, ...rest] = segments;
  const last = rest.pop();
  if (first === undefined) throw new Error('a pattern has at least one segment');
  if (last === undefined) {
    const { plain } = first;
    if (plain !== undefined) return (text) => text === plain;
    return (text) => text.length === first.length && matchesAt(first, text, 0);
  }
  const middle = rest.filter((segment) => segment.length > 0);
  return simpleTest(first, middle, last) ?? generalTest(first, middle, last);
}

function toSegment(parts: readonly PatternPart[]): Segment {
  const [first] = parts;
  if (parts.length < 2 && first?.kind !== 'one') {
    const text = first?.kind === 'text' ? first.text : '';
    return { length: text.length, plain: text, units: [] };
  }
  const units = parts.flatMap((part) => (part.kind === 'text' ? part.text.split('') : [undefined]));
  return { length: units.length, plain: undefined, units };
}

function simpleTest(first: Segment, middle: readonly Segment[], last: Segment): TextTest | undefined {
  const [only] = middle;
  if (first.length === 0 && last.length === 0) {
    if (only === undefined) return () => true;
    const { plain } = only;
    return middle.length === 1 && plain !== undefined ? (text) => text.includes(plain) : undefined;
  }
  if (middle.length > 0) return undefined;
  if (last.length === 0 && first.plain !== undefined) {
    const prefix = first.plain;
    return (text) => text.startsWith(prefix);
  }
  if (first.length === 0 && last.plain !== undefined) {
    const suffix = last.plain;
    return (text) => text.endsWith(suffix);
  }
  return undefined;
}

/** Ends are fixed; each middle segment takes its leftmost place, which leaves the most room for those after it. */
function generalTest(first: Segment, middle: readonly Segment[], last: Segment): TextTest {
  const least = first.length + last.length + middle.reduce((sum, segment) => sum + segment.length, 0);
  return (text) => {
    if (text.length < least) return false;
    const end = text.length - last.length;
    if (!matchesAt(first, text, 0) || !matchesAt(last, text, end)) return false;
    let from = first.length;
    for (const segment of middle) {
      const found = findFrom(segment, text, from);
      if (found < 0) return false;
      from = found + segment.length;
    }
    return from <= end;
  };
}

function findFrom(segment: Segment, text: string, from: number): number {
  if (segment.plain !== undefined) return text.indexOf(segment.plain, from);
  for (let at = from; at + segment.length <= text.length; at += 1) {
    if (matchesAt(segment, text, at)) return at;
  }
  return -1;
}

function matchesAt(segment: Segment, text: string, at: number): boolean {
  if (segment.plain !== undefined) return text.startsWith(segment.plain, at);
  return segment.units.every((unit, offset) => unit === undefined || unit === text[at + offset]);
}
