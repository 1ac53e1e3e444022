import type { ScoreEvidence, Tactic } from '../../contracts/score.ts';
import { tactics } from '../../contracts/score.ts';
import type { RuleHead } from './sigma/rule.ts';

const known: ReadonlyMap<string, Tactic> = new Map(tactics.map((tactic) => [tactic, tactic]));

/** ATT&CK names tactics anew at times; rule tags use both. */
const renamed: ReadonlyMap<string, Tactic> = new Map([
  ['stealth', 'defense-evasion'],
  ['defense-impairment', 'defense-evasion'],
]);

/** What the decision record says of one rule that fired; `content` when the artifact's own text was enough. */
export function toEvidence(rule: RuleHead, content: boolean): ScoreEvidence {
  const tactic = tacticOf(rule);
  const techniques = techniquesOf(rule).slice(0, 16);
  return {
    code: rule.id.slice(0, 64),
    title: rule.title,
    content,
    level: rule.level,
    ...(tactic === undefined ? {} : { tactic }),
    ...(techniques.length === 0 ? {} : { techniques }),
  };
}

/** The first ATT&CK tactic among the rule's tags. */
export function tacticOf(rule: Pick<RuleHead, 'tags'>): Tactic | undefined {
  for (const tag of rule.tags) {
    const name = tag
      .toLowerCase()
      .replace(/^attack\./u, '')
      .replaceAll('_', '-');
    const tactic = known.get(name) ?? renamed.get(name);
    if (tactic !== undefined) return tactic;
  }
  return undefined;
}

/** ATT&CK technique ids (`T1003.001`) of the rule's tags. */
export function techniquesOf(rule: Pick<RuleHead, 'tags'>): readonly string[] {
  return rule.tags.flatMap((tag) => /^attack\.(t\d{4}(?:\.\d{3})?)$/iu.exec(tag)?.[1]?.toUpperCase() ?? []);
}
