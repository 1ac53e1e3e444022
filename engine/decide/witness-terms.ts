import type { Term } from '../../contracts/decision.ts';
import type { Witness } from '../correlate/evidence.ts';
import { logOdds, type DecisionConfig } from './config.ts';

/**
 * Weight of evidence of one score: its log-odds against the classifier's base rate, stretched so that a score at the
 * classifier's own threshold is, alone, exactly a block at the default level. Monotone in the probability; bounded on
 * both sides, and further where the score is weak by construction.
 */
export function witnessMicronats(witness: Witness, config: DecisionConfig): number {
  const base = logOdds(witness.baseRate);
  const span = logOdds(witness.threshold) - base;
  const weight = span <= 0 ? 0 : Math.round(((logOdds(witness.probability) - base) / span) * alone(config));
  const ceiling = witness.capped ? config.cappedWitnessMicronats : config.strongestWitnessMicronats;
  return Math.max(config.benignWitnessMicronats, Math.min(ceiling, weight));
}

/** What a block at the default level takes where nothing else is known. */
function alone(config: DecisionConfig): number {
  return config.blockMicronats - config.priorMicronats;
}

interface Weighed {
  readonly witness: Witness;
  readonly weight: number;
}

interface Counted extends Weighed {
  readonly micronats: number;
  /** How much of its weight, in words. */
  readonly counted: string;
}

/**
 * Classifiers look at the same facts, so their words are not independent: one leads and counts whole, every other by its
 * share, as the combiner learned it. Whoever makes the sum the largest leads. No share is negative, so each such sum is
 * monotone in every weight, and so is the largest of them.
 */
export function witnessTerms(witnesses: readonly Witness[], config: DecisionConfig): readonly Term[] {
  const weighed = witnesses
    .filter(({ supportsOnly }) => supportsOnly !== true)
    .map((witness) => ({ witness, weight: witnessMicronats(witness, config) }))
    .sort((a, b) => b.weight - a.weight || (a.witness.classifier < b.witness.classifier ? -1 : 1));
  let [largest, largestSum]: [readonly Counted[], number] = [[], -Infinity];
  for (const lead of weighed) {
    const counted = countedBeside(lead, weighed, config);
    const sum = counted.reduce((total, { micronats }) => total + micronats, 0);
    if (sum > largestSum) [largest, largestSum] = [counted, sum];
  }
  return largest.map(termOf);
}

function countedBeside(
  lead: Weighed,
  weighed: readonly Weighed[],
  config: DecisionConfig,
): readonly Counted[] {
  const above = lead.weight - alone(config);
  const decides = above >= 0 && config.combiner?.deciding.includes(lead.witness.classifier) === true;
  let mayTake = decides ? above : Infinity;
  const others = weighed.filter((one) => one !== lead);
  return [
    { ...lead, micronats: lead.weight, counted: '' },
    ...others.map((one): Counted => {
      const permille = shareOf(one, config);
      const share = Math.trunc((one.weight * permille) / 1000);
      const micronats = Math.max(share, -mayTake);
      if (micronats < 0) mayTake += micronats;
      const bound = micronats === share ? '' : `, and no more than leaves the block`;
      return { ...one, micronats, counted: `, counted at ${permille / 10} % beside another witness${bound}` };
    }),
  ];
}

/** In permille. */
function shareOf({ witness, weight }: Weighed, { combiner, laterWitnessPermille }: DecisionConfig): number {
  const share = combiner?.shares.find(({ classifier }) => classifier === witness.classifier);
  if (share === undefined) return laterWitnessPermille;
  return weight < 0 ? share.innocencePermille : share.malicePermille;
}

function termOf({ witness, micronats, counted }: Counted): Term {
  const { classifier, version, probability, threshold, capped, content } = witness;
  const cap = capped ? ', capped as weak by construction' : '';
  return {
    name: `score:${classifier}`,
    // No negative zero: the record would not be read back as it was.
    micronats: micronats === 0 ? 0 : micronats,
    content,
    own: true,
    text: `${classifier} ${version} gives ${probability.toFixed(4)} (blocks alone from ${threshold})${cap}${counted}`,
  };
}
