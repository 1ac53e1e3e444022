import { parseExpression } from './condition-parser.ts';
import { RuleProblem } from './rule-problem.ts';

export const bounds = ['gt', 'gte', 'lt', 'lte', 'eq', 'neq'] as const;
export type Bound = (typeof bounds)[number];

/** One way to fulfil an expression: these rules occur within the window, and those do not. */
export interface Clause {
  readonly present: ReadonlySet<string>;
  readonly absent: ReadonlySet<string>;
}

/**
 * When a correlation fires: a measure of its window within bounds, all of which hold, or (temporal types) an expression
 * over the rules, in disjunctive normal form.
 */
export type CorrelationCondition =
  | {
      readonly kind: 'measure';
      readonly bounds: readonly { readonly operator: Bound; readonly value: number }[];
      /** Fields whose values are counted or measured. */
      readonly fields: readonly string[];
      readonly percentile: number | undefined;
    }
  | { readonly kind: 'expression'; readonly clauses: readonly Clause[] };

const maximalClauses = 256;

/** Whether a measure is within all bounds. */
export function isWithin(
  measure: number,
  limits: readonly { readonly operator: Bound; readonly value: number }[],
): boolean {
  return limits.every(({ operator, value }) => {
    switch (operator) {
      case 'gt':
        return measure > value;
      case 'gte':
        return measure >= value;
      case 'lt':
        return measure < value;
      case 'lte':
        return measure <= value;
      case 'eq':
        return measure === value;
      case 'neq':
        return measure !== value;
    }
  });
}

/**
 * Reads `field`, `percentile` and the bounds of a condition.
 * @throws RuleProblem
 */
export function readMeasure(condition: Readonly<Record<string, unknown>>): CorrelationCondition {
  const { field, percentile, ...rest } = condition;
  const limits = Object.entries(rest).map(([name, value]) => {
    const operator = bounds.find((bound) => bound === name);
    if (operator === undefined) throw new RuleProblem(`the condition has no "${name}"`);
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw new RuleProblem(`"${name}" needs a number`);
    return { operator, value };
  });
  if (limits.length === 0) throw new RuleProblem(`the condition needs one of ${bounds.join(', ')}`);
  const fields = field === undefined ? [] : [field].flat();
  if (!fields.every((each) => typeof each === 'string')) throw new RuleProblem('"field" needs a name');
  const inRange = typeof percentile === 'number' && percentile >= 0 && percentile <= 100;
  if (percentile !== undefined && !inRange)
    throw new RuleProblem('"percentile" needs a number between 0 and 100');
  return { kind: 'measure', bounds: limits, fields, percentile: inRange ? percentile : undefined };
}

/**
 * Reads `rule_a and not (rule_b or rule_c)`. It must ask for at least one rule: what is fulfilled where nothing happens
 * would fire at every time.
 * @throws RuleProblem
 */
export function readExpression(source: string): CorrelationCondition {
  const { holds } = parseExpression<Formula>(source, {
    not: (of) => ({ holds: of.fails, fails: of.holds }),
    and: (of) => ({
      holds: () => every(of.map((part) => part.holds)),
      fails: () => of.flatMap((part) => part.fails()),
    }),
    or: (of) => ({
      holds: () => of.flatMap((part) => part.holds()),
      fails: () => every(of.map((part) => part.fails)),
    }),
    name: (name) => ({
      holds: () => [{ present: new Set([name]), absent: new Set() }],
      fails: () => [{ present: new Set(), absent: new Set([name]) }],
    }),
  });
  const clauses = holds();
  if (clauses.length === 0) throw new RuleProblem('the condition cannot be fulfilled');
  if (clauses.some(({ present }) => present.size === 0))
    throw new RuleProblem('the condition is fulfilled where no rule fires: ask for at least one');
  return { kind: 'expression', clauses };
}

/** How an expression and its negation can be fulfilled. */
interface Formula {
  readonly holds: () => readonly Clause[];
  readonly fails: () => readonly Clause[];
}

function every(operands: readonly (() => readonly Clause[])[]): readonly Clause[] {
  let all: readonly Clause[] = [{ present: new Set(), absent: new Set() }];
  for (const operand of operands) {
    const alternatives = operand();
    all = all.flatMap((left) => alternatives.flatMap((right) => join(left, right)));
    if (all.length > maximalClauses)
      throw new RuleProblem(`the condition has more than ${maximalClauses} ways to be fulfilled`);
  }
  return all;
}

function join(left: Clause, right: Clause): readonly Clause[] {
  const present = new Set([...left.present, ...right.present]);
  const absent = new Set([...left.absent, ...right.absent]);
  return [...present].some((name) => absent.has(name)) ? [] : [{ present, absent }];
}
