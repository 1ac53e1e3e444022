import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Witness } from '../correlate/evidence.ts';
import { decide, type DecideInput, type Judgement } from './decide.ts';

/**
 * Whether answers that are still missing cannot change what is enforced. A sum never falls when a witness says more,
 * and neither do verdict and reach, so it is enough to judge twice: with every missing classifier as sure of innocence,
 * and as sure of malice, as it can be. Name and severity may still change: a late score then makes a revision.
 */
export function isSettled(input: DecideInput, missing: readonly ClassifierProfile[]): boolean {
  const judge = (probability: number) => decide(withWords(input, missing, probability));
  return isEnforcedAlike(judge(0), judge(1));
}

function withWords(
  input: DecideInput,
  missing: readonly ClassifierProfile[],
  probability: number,
): DecideInput {
  const words = missing.map(({ id, version, baseRate, threshold, supportsOnly }): Witness => ({
    classifier: id,
    version,
    baseRate,
    threshold,
    probability,
    capped: false,
    tactic: null,
    content: true,
    ...(supportsOnly !== undefined && { supportsOnly }),
  }));
  // What they said of earlier reports gives way to what they will say of this one.
  const heard = (witnesses: readonly Witness[]) =>
    witnesses.filter(({ classifier }) => !missing.some(({ id }) => id === classifier)).concat(words);
  const { evidence } = input;
  return {
    ...input,
    evidence: { ...evidence, own: heard(evidence.own), content: heard(evidence.content) },
  };
}

function isEnforcedAlike(one: Judgement, other: Judgement): boolean {
  return (['verdict', 'blockFrom', 'reach', 'action'] as const).every((field) => one[field] === other[field]);
}
