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
  /** What of the weight counts beside another witness, in permille. */
  readonly permille: number;
  readonly share: number;
}

/**
 * Classifiers look at the same facts, so their words are not independent: one leads and counts whole, every other by its
 * share, as the combiner learned it. Whoever makes the sum the largest leads. No share is negative, so each such sum is
 * monotone in every weight, and so is the largest of them.
 */
export function witnessTerms(witnesses: readonly Witness[], config: DecisionConfig): readonly Term[] {
  const weighed = witnesses
    .filter(({ supportsOnly }) => supportsOnly !== true)
    .map((witness) => weigh(witness, config))
    .sort((a, b) => b.weight - a.weight || (a.witness.classifier < b.witness.classifier ? -1 : 1));
  let [largest, largestSum]: [readonly number[], number] = [[], -Infinity];
  let leading: Weighed | undefined;
  for (const lead of weighed) {
    const counted = countedBeside(lead, weighed, config);
    const sum = counted.reduce((total, micronats) => total + micronats, 0);
    if (sum > largestSum) [leading, largest, largestSum] = [lead, counted, sum];
  }
  const terms = weighed.map((one, index) => termOf(one, largest[index] ?? 0, one === leading));
  const first = weighed.findIndex((one) => one === leading);
  return [...terms.splice(first, 1), ...terms];
}

function weigh(witness: Witness, config: DecisionConfig): Weighed {
  const weight = witnessMicronats(witness, config);
  const permille = shareOf(witness, weight, config);
  return { witness, weight, permille, share: Math.trunc((weight * permille) / 1000) };
}

/** @returns what each of them counts, in order */
function countedBeside(
  lead: Weighed,
  weighed: readonly Weighed[],
  config: DecisionConfig,
): readonly number[] {
  const above = lead.weight - alone(config);
  const decides = above >= 0 && config.combiner?.deciding.includes(lead.witness.classifier) === true;
  let mayTake = decides ? above : Infinity;
  return weighed.map((one) => {
    if (one === lead) return lead.weight;
    const micronats = Math.max(one.share, -mayTake);
    if (micronats < 0) mayTake += micronats;
    return micronats;
  });
}

/** In permille. */
function shareOf(
  { classifier }: Witness,
  weight: number,
  { combiner, laterWitnessPermille }: DecisionConfig,
): number {
  const share = combiner?.shares.find((each) => each.classifier === classifier);
  if (share === undefined) return laterWitnessPermille;
  return weight < 0 ? share.innocencePermille : share.malicePermille;
}

function termOf({ witness, permille, share }: Weighed, micronats: number, leads: boolean): Term {
  const { classifier, version, probability, threshold, capped, content } = witness;
  const cap = capped ? ', capped as weak by construction' : '';
  const bound = micronats === share ? '' : ', and no more than leaves the block';
  const counted = leads ? '' : `, counted at ${permille / 10} % beside another witness${bound}`;
  return {
    name: `score:${classifier}`,
    // No negative zero: the record would not be read back as it was.
    micronats: micronats === 0 ? 0 : micronats,
    content,
    own: true,
    text: `${classifier} ${version} gives ${probability.toFixed(4)} (blocks alone from ${threshold})${cap}${counted}`,
  };
}
