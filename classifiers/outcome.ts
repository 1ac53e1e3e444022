import type { Score } from '../contracts/score.ts';
import type { ClassifierOutcome } from './classifier.ts';

/** @returns the outcome of a classifier that should have answered and could not */
export function failed(reason: string): ClassifierOutcome {
  return { outcome: 'failed', reason: reason.slice(0, 300) };
}

/** @returns the outcome as the log takes it: texts and lists within their bounds */
export function resultOf(outcome: ClassifierOutcome): Score['result'] {
  if (outcome.outcome !== 'score') return { outcome: outcome.outcome, reason: outcome.reason.slice(0, 300) };
  const { probability, contentProbability, capped, evidence } = outcome;
  return {
    outcome: 'score',
    probability,
    contentProbability,
    ...(capped !== undefined && { capped }),
    evidence: evidence.slice(0, 64),
  };
}
