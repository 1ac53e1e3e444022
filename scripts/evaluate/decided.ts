import type { Classifier, ClassifierOutcome } from '../../classifiers/classifier.ts';
import { readCombiner } from '../../classifiers/combiner/read-combiner.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import { evidenceFromScores } from '../../engine/correlate/evidence.ts';
import { defaultDecisionConfig, probabilityOf, type DecisionConfig } from '../../engine/decide/config.ts';
import { decide } from '../../engine/decide/decide.ts';
import type { Judgement } from './judge.ts';

/** What the engine is configured with when the service starts. */
export async function decisionConfig(): Promise<DecisionConfig> {
  return { ...defaultDecisionConfig, combiner: await readCombiner() };
}

/**
 * What the engine decides on a report that nothing else is known of, by what all classifiers said of it.
 * @returns null where none of them had anything to say
 */
export function decided(
  { artifactKey, artifactKind: kind, tenantId }: AcceptedReport,
  answers: readonly (readonly [Classifier, ClassifierOutcome])[],
  config: DecisionConfig,
): Judgement | null {
  if (answers.every(([, { outcome }]) => outcome !== 'score')) return null;
  const evidence = evidenceFromScores(
    answers.map(([{ profile }, answer]) => {
      const result = answer.outcome === 'score' ? { ...answer, evidence: [...answer.evidence] } : answer;
      const { id: classifier, version, baseRate, threshold, supportsOnly } = profile;
      const said = { classifier, version, baseRate, threshold, result };
      return supportsOnly === undefined ? said : { ...said, supportsOnly };
    }),
  );
  const { verdict, action, sumMicronats } = decide({
    ...{ artifactKey, kind, tenantId, evidence, config },
    trustOf: () => 'new',
    recentEcosystemBlocks: 0,
    degraded: false,
  });
  const blocks = verdict === 'malicious' && action !== 'audit';
  return { probability: probabilityOf(sumMicronats), decision: blocks ? 'block' : 'allow' };
}
