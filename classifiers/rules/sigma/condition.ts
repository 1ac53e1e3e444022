import { parseExpression } from './condition-parser.ts';
import { compilePattern, parsePattern } from './pattern.ts';
import type { Predicate } from './predicate.ts';
import { allOf, anyOf } from './predicate.ts';
import { RuleProblem } from './rule-problem.ts';

/**
 * Parses a condition (`selection and not 1 of filter_*`) over the named detections of a rule.
 * @throws RuleProblem
 */
export function parseCondition(source: string, detections: ReadonlyMap<string, Predicate>): Predicate {
  return parseExpression<Predicate>(source, {
    not: (of) => ({ kind: 'not', of }),
    and: allOf,
    or: anyOf,
    name: (name) => {
      const detection = detections.get(name);
      if (detection === undefined)
        throw new RuleProblem(`the condition names "${name}", which the detection lacks`);
      return detection;
    },
    of: (quantifier, pattern) => select(quantifier, pattern, detections),
  });
}

function select(quantifier: string, pattern: string, detections: ReadonlyMap<string, Predicate>): Predicate {
  if (quantifier !== '1' && quantifier !== 'any' && quantifier !== 'all') {
    throw new RuleProblem(`"${quantifier} of" is not a quantifier: use 1, any or all`);
  }
  const of = [...detections].flatMap(([name, detection]) => (selects(pattern, name) ? [detection] : []));
  if (of.length === 0) throw new RuleProblem(`"${quantifier} of ${pattern}" selects no detection`);
  return quantifier === 'all' ? allOf(of) : anyOf(of);
}

/** Names that begin with an underscore are private: only a pattern that begins with one reaches them. */
function selects(pattern: string, name: string): boolean {
  if (name.startsWith('_') && !pattern.startsWith('_')) return false;
  if (pattern.toLowerCase() === 'them') return true;
  return compilePattern(parsePattern(pattern))(name);
}
