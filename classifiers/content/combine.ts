import type { ScoreEvidence } from '../../contracts/score.ts';
import type { ClassifierOutcome } from '../classifier.ts';
import type { RuleProbabilities } from '../rules/manifest.ts';
import { findingLevels, type Finding } from './finding.ts';

const maximalEvidence = 64;

/**
 * What findings mean together. The strongest level decides; only rules reach high and critical. More findings of one
 * origin add nothing, for they mostly describe one thing; medium ones of different origin (a rule, the structure, the
 * model, the name) corroborate each other.
 */
export function probabilityOf(findings: readonly Finding[], probabilities: RuleProbabilities): number {
  const strongest = findingLevels.findLast((level) => findings.some((finding) => finding.level === level));
  if (strongest !== 'medium') return probabilities[strongest ?? 'none'];
  const origins = new Set(findings.filter(({ level }) => level === 'medium').map(({ origin }) => origin));
  return probabilities[origins.size > 1 ? 'corroborated' : 'medium'];
}

/** A name is somebody's word; all else follows from the bytes. */
function followsFromContent({ origin }: Finding): boolean {
  return origin !== 'name';
}

/** @returns the answer, its evidence strongest first */
export function toOutcome(findings: readonly Finding[], probabilities: RuleProbabilities): ClassifierOutcome {
  const ordered = findings.toSorted(
    (a, b) => findingLevels.indexOf(b.level) - findingLevels.indexOf(a.level),
  );
  return {
    outcome: 'score',
    probability: probabilityOf(findings, probabilities),
    contentProbability: probabilityOf(findings.filter(followsFromContent), probabilities),
    evidence: ordered.slice(0, maximalEvidence).map(toEvidence),
  };
}

function toEvidence(finding: Finding): ScoreEvidence {
  const { code, title, level, tactic, techniques } = finding;
  return {
    code,
    title,
    content: followsFromContent(finding),
    level,
    ...(tactic !== undefined && { tactic }),
    ...(techniques !== undefined && { techniques: [...techniques] }),
  };
}
