import { foldLiteral } from './aho-corasick.ts';
import type { Pattern } from './pattern.ts';
import type { Predicate, ValueTest } from './predicate.ts';
import type { Clause } from './regex-literals.ts';
import { requiredClauses } from './regex-literals.ts';

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
  return field === undefined ? [] : clausesOf(test).flatMap((clause) => literalsIn(field, clause));
}

function testCover(field: string, test: ValueTest, cost: (literal: Literal) => number): Cover {
  if (test.kind === 'null') return undefined;
  const covers = [[''], ...clausesOf(test)].map((clause) => literalsIn(field, clause));
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

function clausesOf(test: ValueTest): readonly Clause[] {
  if (test.kind === 'regex') return requiredClauses(test.source);
  return test.kind === 'text' ? patternClauses(test.pattern) : [];
}

function patternClauses(pattern: Pattern): readonly Clause[] {
  return pattern.flatMap((part) => (part.kind === 'text' ? [[part.text.toLowerCase()]] : []));
}

function literalsIn(field: string, clause: Clause): readonly Literal[] {
  return distinct(clause.map((text) => ({ field, text: foldLiteral(text.slice(-literalLength)) })));
}
