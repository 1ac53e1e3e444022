import { beyondAscii } from './aho-corasick.ts';
import type { Pattern } from './pattern.ts';
import type { Predicate, ValueTest } from './predicate.ts';
import { requiredLiterals } from './regex-literals.ts';

/** A lower-case text that a field must contain; an empty text means that the field must be there. */
export interface Literal {
  readonly field: string;
  readonly text: string;
}

/**
 * A set of which at least one literal occurs in every event that the predicate accepts; undefined where there is no
 * such set (a bare negation, a keyword), so that the predicate has to be tried on every event.
 */
export type Cover = readonly Literal[] | undefined;

/** Longer literals are cut to their end: that is nearly as selective and keeps the automaton small. */
const literalLength = 16;

/** Chooses the cover with the lowest cost, where `cost` estimates how many events contain a literal. */
export function coverOf(predicate: Predicate, cost: (literal: Literal) => number): Cover {
  switch (predicate.kind) {
    case 'not':
      return undefined;
    case 'test':
      return predicate.field === undefined ? undefined : testCover(predicate.field, predicate.test, cost);
    case 'or': {
      const covers = predicate.of.map((part) => coverOf(part, cost));
      return covers.every((cover) => cover !== undefined) ? distinct(covers.flat()) : undefined;
    }
    case 'and':
      return cheapest(
        predicate.of.map((part) => coverOf(part, cost)),
        cost,
      );
  }
}

/** Each literal that any test of the predicate could be found by, for counting how common they are. */
export function literalsOf(predicate: Predicate): readonly Literal[] {
  if (predicate.kind === 'not') return [];
  if (predicate.kind !== 'test') return predicate.of.flatMap(literalsOf);
  const { field, test } = predicate;
  return field === undefined ? [] : candidates(test).map((text) => ({ field, text }));
}

function testCover(field: string, test: ValueTest, cost: (literal: Literal) => number): Cover {
  if (test.kind === 'null') return undefined;
  const covers = ['', ...candidates(test)].map((text): Cover => [{ field, text }]);
  return cheapest(covers, cost);
}

function distinct(literals: readonly Literal[]): readonly Literal[] {
  return [...new Map(literals.map((literal) => [`${literal.field}\n${literal.text}`, literal])).values()];
}

function cheapest(covers: readonly Cover[], cost: (literal: Literal) => number): Cover {
  let best: Cover;
  let bestCost = Infinity;
  for (const cover of covers) {
    if (cover === undefined) continue;
    const total = cover.reduce((sum, literal) => sum + cost(literal), 0);
    if (total < bestCost) {
      best = cover;
      bestCost = total;
    }
  }
  return best;
}

function candidates(test: ValueTest): readonly string[] {
  if (test.kind === 'text') return patternLiterals(test.pattern);
  if (test.kind !== 'regex') return [];
  return (requiredLiterals(test.source, test.flags.ignoreCase) ?? []).map((text) =>
    text.slice(-literalLength),
  );
}

function patternLiterals(pattern: Pattern): readonly string[] {
  return pattern.flatMap((part) => (part.kind === 'text' ? [toLiteral(part.text.toLowerCase())] : []));
}

const toLiteral = (text: string): string => text.slice(-literalLength).replace(/[^\0-\x7f]/g, beyondAscii);
