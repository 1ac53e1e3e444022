import type { RuleProbabilities } from './manifest.ts';
import { tacticOf } from './rule-evidence.ts';
import type { RuleHead } from './sigma/rule.ts';
import { ruleLevels } from './sigma/rule.ts';

/**
 * What the rules that fired mean together: the strongest level decides. More rules of one level add nothing, because
 * they mostly describe the same act, but for medium ones of different tactics: those are two steps of an attack.
 */
export function probabilityOf(fired: Iterable<RuleHead>, probabilities: RuleProbabilities): number {
  const rules = [...fired];
  const strongest = ruleLevels.findLast((level) => rules.some((rule) => rule.level === level));
  if (strongest !== 'medium') return probabilities[strongest ?? 'none'];
  const tactics = new Set(rules.flatMap((rule) => (rule.level === 'medium' ? (tacticOf(rule) ?? []) : [])));
  return probabilities[tactics.size > 1 ? 'corroborated' : 'medium'];
}
