import type { z } from 'zod';
import type { CorrelationCondition } from './correlation-condition.ts';
import { readExpression, readMeasure } from './correlation-condition.ts';
import { locate, RuleProblem } from './rule-problem.ts';
import type { CorrelationRule, CorrelationType, correlationDocument, RuleHead } from './rule.ts';

const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/**
 * Turns the `correlation` section of a document into a rule, with its references as they stand.
 * @throws RuleProblem
 */
export function readCorrelation(
  { correlation }: z.output<typeof correlationDocument>,
  head: RuleHead,
): CorrelationRule {
  const { type, generate = false } = correlation;
  const condition = locate(['correlation', 'condition'], () =>
    readCondition(type, correlation.condition, correlation.rules?.length),
  );
  const references = correlation.rules ?? rulesOf(condition);
  if (references.length === 0)
    throw new RuleProblem('the correlation names no rules', ['correlation', 'rules']);
  locate(['correlation', 'condition'], () => checkNames(condition, references));
  return {
    ...head,
    type,
    references,
    groupBy: correlation['group-by'] ?? [],
    timespanMs: locate(['correlation', 'timespan'], () => readTimespan(correlation.timespan)),
    condition,
    aliases: correlation.aliases ?? {},
    generate,
    reported: true,
  };
}

function readTimespan(source: string): number {
  const [, count = '', unit = ''] = /^(\d{1,6})([smhdw])$/.exec(source) ?? [];
  const ms = Number(count) * (units[unit] ?? 0) * 1_000;
  if (ms <= 0)
    throw new RuleProblem(`"${source}" is not a timespan: write a number and one of s, m, h, d, w`);
  return ms;
}

function readCondition(
  type: CorrelationType,
  condition: string | Readonly<Record<string, unknown>> | undefined,
  rules: number | undefined,
): CorrelationCondition {
  const isTemporal = type === 'temporal' || type === 'temporal_ordered';
  if (typeof condition === 'string') {
    if (!isTemporal) throw new RuleProblem('only temporal correlations take an expression');
    return readExpression(condition);
  }
  if (condition === undefined && isTemporal && rules !== undefined) return readMeasure({ gte: rules });
  if (condition === undefined) throw new RuleProblem('the correlation needs a condition');
  const measure = readMeasure(condition);
  if (measure.kind !== 'measure') return measure;
  const counts = type.startsWith('value_');
  if (counts && measure.fields.length === 0) throw new RuleProblem(`"${type}" needs a field`);
  if (!counts && measure.fields.length > 0) throw new RuleProblem(`"${type}" takes no field`);
  if (measure.fields.length > 1 && type !== 'value_count') throw new RuleProblem(`"${type}" takes one field`);
  if ((type === 'value_percentile') !== (measure.percentile !== undefined))
    throw new RuleProblem('"percentile" belongs to value_percentile, and it needs one');
  return measure;
}

function rulesOf(condition: CorrelationCondition): readonly string[] {
  if (condition.kind === 'measure') return [];
  return [...new Set(condition.clauses.flatMap(({ present, absent }) => [...present, ...absent]))];
}

/** An expression over other rules than the list names is a slip of the pen. */
function checkNames(condition: CorrelationCondition, references: readonly string[]): void {
  const stranger = rulesOf(condition).find((name) => !references.includes(name));
  if (stranger !== undefined)
    throw new RuleProblem(`the condition names "${stranger}", which is not among the rules`);
}
