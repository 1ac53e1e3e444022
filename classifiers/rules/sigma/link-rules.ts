import { allOf } from './predicate.ts';
import type { ReadResult, RejectedRule } from './read-rules.ts';
import type { CorrelationRule, LogSource, RuleFilter, RuleHead, SigmaRule } from './rule.ts';

/** Rules whose references are known to lead somewhere. */
export interface LinkedRules {
  readonly rules: readonly SigmaRule[];
  /** In an order in which each stands after the correlations that it refers to; references are ids. */
  readonly correlations: readonly CorrelationRule[];
  readonly rejected: readonly RejectedRule[];
}

/**
 * Joins what was read from many files: of two with one id the first stands; filters become part of the rules that they
 * name; correlations find their rules by id or name. A rule that stands in the file of a correlation is a part of it
 * and not reported by itself, unless it says `generate`; one from another file stays a rule of its own.
 */
export function linkRules(reads: readonly ReadResult[]): LinkedRules {
  const rejected = reads.flatMap((read) => read.rejected);
  const known = new Map<string, SigmaRule | CorrelationRule>();
  const place = <Kind extends SigmaRule | CorrelationRule>(rule: Kind): readonly Kind[] => {
    const other = known.get(rule.id);
    if (other === undefined) {
      known.set(rule.id, rule);
      return [rule];
    }
    reject(rejected, rule, `the id ${rule.id} is taken by ${other.file}`);
    return [];
  };
  const rules = reads.flatMap((read) => read.rules.flatMap(place));
  const correlations = reads.flatMap((read) => read.correlations.flatMap(place));
  const filters = reads.flatMap((read) => read.filters);
  const byName = nameIndex([...rules, ...correlations]);
  const linked = linkCorrelations(correlations, byName, rejected);
  const parts = new Set(linked.filter(({ generate }) => !generate).flatMap((rule) => partsOf(rule, known)));
  const isReported = ({ id }: RuleHead): boolean => !parts.has(id);
  return {
    rules: applyFilters(rules, filters, byName, rejected).map((rule) =>
      isReported(rule) ? rule : { ...rule, reported: false },
    ),
    correlations: linked.map((rule) => (isReported(rule) ? rule : { ...rule, reported: false })),
    rejected,
  };
}

function reject(rejected: RejectedRule[], { file, line }: RuleHead, reason: string): void {
  rejected.push({ file, line, reason });
}

/** Ids by id and by name; a name that two rules have leads to the first. */
function nameIndex(rules: readonly RuleHead[]): ReadonlyMap<string, string> {
  const index = new Map<string, string>();
  for (const { name, id } of rules) if (name !== undefined && !index.has(name)) index.set(name, id);
  for (const { id } of rules) index.set(id, id);
  return index;
}

function partsOf(
  { references, file }: CorrelationRule,
  known: ReadonlyMap<string, RuleHead>,
): readonly string[] {
  return references.filter((id) => known.get(id)?.file === file);
}

/** A correlation is usable once all that it refers to are; what never becomes usable refers to nothing or to itself. */
function linkCorrelations(
  correlations: readonly CorrelationRule[],
  byName: ReadonlyMap<string, string>,
  rejected: RejectedRule[],
): readonly CorrelationRule[] {
  const waiting = new Map(correlations.map((rule) => [rule.id, rule]));
  const linked: CorrelationRule[] = [];
  for (let before = -1; before !== waiting.size;) {
    before = waiting.size;
    for (const rule of waiting.values()) {
      const ids = rule.references.map((reference) => byName.get(reference));
      if (!ids.every((id) => id !== undefined && !waiting.has(id))) continue;
      waiting.delete(rule.id);
      linked.push(withIds(rule, byName));
    }
  }
  for (const rule of waiting.values()) {
    const missing = rule.references.find((reference) => !byName.has(reference));
    const waits = rule.references.find((reference) => waiting.has(byName.get(reference) ?? ''));
    const reason =
      missing === undefined
        ? `the correlation refers to "${waits ?? ''}", which refers to it or cannot be used`
        : `the correlation refers to "${missing}", and no rule that can be used has that id or name`;
    reject(rejected, rule, reason);
  }
  return linked;
}

function withIds(rule: CorrelationRule, byName: ReadonlyMap<string, string>): CorrelationRule {
  const idOf = (reference: string): string => byName.get(reference) ?? reference;
  const ids = (names: ReadonlySet<string>): ReadonlySet<string> => new Set([...names].map(idOf));
  const { condition } = rule;
  return {
    ...rule,
    references: rule.references.map(idOf),
    condition:
      condition.kind === 'measure'
        ? condition
        : {
            kind: 'expression',
            clauses: condition.clauses.map(({ present, absent }) => ({
              present: ids(present),
              absent: ids(absent),
            })),
          },
    aliases: Object.fromEntries(
      Object.entries(rule.aliases).map(([alias, fields]) => [
        alias,
        Object.fromEntries(Object.entries(fields).map(([reference, field]) => [idOf(reference), field])),
      ]),
    ),
  };
}

function applyFilters(
  rules: readonly SigmaRule[],
  filters: readonly RuleFilter[],
  byName: ReadonlyMap<string, string>,
  rejected: RejectedRule[],
): readonly SigmaRule[] {
  const filtered = new Map(rules.map((rule) => [rule.id, rule]));
  for (const filter of filters) {
    for (const reference of filter.references ?? []) {
      if (!byName.has(reference))
        reject(rejected, filter, `the filter names "${reference}", and no rule has that id or name`);
    }
    const ids = filter.references?.map((reference) => byName.get(reference));
    for (const rule of filtered.values()) {
      if (ids !== undefined && !ids.includes(rule.id)) continue;
      if (!covers(filter.logSource, rule.logSource)) continue;
      filtered.set(rule.id, { ...rule, predicate: allOf([rule.predicate, filter.predicate]) });
    }
  }
  return [...filtered.values()];
}

/** Each part that the filter's log source names is the rule's. */
function covers(filter: LogSource, rule: LogSource): boolean {
  return (['product', 'category', 'service'] as const).every(
    (part) => filter[part] === undefined || filter[part] === rule[part],
  );
}
