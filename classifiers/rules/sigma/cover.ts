import type { LiteralTable } from './literal-table.ts';
import type { Predicate, ValueTest } from './predicate.ts';

/**
 * Literals of a table of which at least one occurs in every event that the predicate accepts; undefined where there is
 * no such set (a bare negation), so that the predicate has to be tried on every event.
 */
export type Cover = readonly number[] | undefined;

/** Chooses the cover whose literals occur in the fewest events, as the table estimates. */
export function coverOf(predicate: Predicate, table: LiteralTable): Cover {
  switch (predicate.kind) {
    case 'not':
      return undefined;
    case 'test':
      return testCover(predicate.field, predicate.test, table);
    case 'or': {
      const covers = predicate.of.map((part) => coverOf(part, table));
      return covers.every((cover) => cover !== undefined) ? [...new Set(covers.flat())] : undefined;
    }
    case 'and':
      return cheapest(
        predicate.of.map((part) => coverOf(part, table)),
        table,
      );
  }
}

function testCover(field: string | undefined, test: ValueTest, table: LiteralTable): Cover {
  return test.kind === 'null' ? undefined : cheapest(table.clausesOf(field, test), table);
}

function cheapest(covers: readonly Cover[], table: LiteralTable): Cover {
  let best: Cover;
  let bestCost = Infinity;
  for (const cover of covers) {
    if (cover === undefined) continue;
    let cost = 0;
    for (const literal of cover) cost += table.costOf(literal);
    if (cost < bestCost) {
      best = cover;
      bestCost = cost;
    }
  }
  return best;
}
