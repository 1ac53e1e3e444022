import { z } from 'zod';
import { combinerSchema } from '../../contracts/combiner.ts';
import { defaultLimits } from '../../contracts/limits.ts';
import { optional } from '../../contracts/optional.ts';

/** Version of the decision procedure: records name it, so that a decision is computed again by the same rules. */
export const engineVersion = '1.1.0';

const micro = 1_000_000;

/** @returns log-odds of a probability as micro-nats, rounded to an integer. `p` is clamped to [1e-6, 1 - 1e-6]. */
export function logOdds(p: number): number {
  const clamped = Math.min(1 - 1e-6, Math.max(1e-6, p));
  return Math.round(Math.log(clamped / (1 - clamped)) * micro);
}

/** @returns the probability of log-odds in micro-nats */
export function probabilityOf(micronats: number): number {
  return 1 / (1 + Math.exp(-micronats / micro));
}

const micronats = z.int();

/**
 * All that a decision depends on beside its evidence. It travels in the record: the numbers as its `configuration`, the
 * combiner beside them. Without a combiner decisions are those of engine 1.0.0.
 */
export const decisionConfigSchema = z.object({
  priorMicronats: micronats.describe(
    'Log-odds that a reported artifact is malicious before anything is known of it: 10 % of what agents ask about.',
  ),
  blockMicronats: micronats.describe(
    'Malicious from here: probability 0.90, the documented example of a cloud block threshold.',
  ),
  moderateMicronats: micronats,
  highMicronats: micronats,
  highPlusMicronats: micronats.describe('Suspicious from here: more likely malicious than not.'),
  ecosystemMicronats: micronats.describe(
    'Content evidence alone reaches every organization from here: probability 0.98, so that one high-level rule beside a weak score does not.',
  ),
  strongestWitnessMicronats: micronats.describe('The most that one classifier adds.'),
  benignWitnessMicronats: micronats.describe('The most that one classifier takes away.'),
  cappedWitnessMicronats: micronats.describe('The most that a score says which is weak by construction.'),
  supportMicronats: micronats.describe(
    'The most that all classifiers together add which only support: less than a block needs, so that the rest must come from others.',
  ),
  laterWitnessPermille: z
    .int()
    .min(0)
    .max(1000)
    .describe(
      'Share that counts of a witness beside one that leads, where the combiner knows nothing of it.',
    ),
  combiner: combinerSchema.apply(optional),
  processImageMicronats: micronats.describe(
    'A condemned behaviour against the image of its process: with nothing else known it is just a block in its tenant.',
  ),
  parentImageMicronats: micronats.describe(
    'The same against the image of the parent: half, somebody else may have pulled the strings.',
  ),
  destinationMicronats: micronats.describe(
    'A condemned behaviour against what it contacted, however often: with nothing else known that is no suspicion, strangers contact it too.',
  ),
  findingsMicronats: micronats.describe('The most that findings add together.'),
  establishedTenantMicronats: micronats.describe(
    'The most that one established tenant’s confirmation adds for others.',
  ),
  newTenantMicronats: micronats.describe('The same for a tenant that is not established.'),
  otherTenantsMicronats: micronats.describe(
    'The most that all other tenants’ confirmations add together: never enough for a block without own evidence.',
  ),
  consensusTenants: z
    .int()
    .min(2)
    .describe('k: so many established tenants must confirm on their own before testimony leaves a tenant.'),
  prevalenceMicronats: micronats.describe(
    'What each factor of e in devices takes away (see prevalence term).',
  ),
  prevalenceFloorDevices: z.int().positive().describe('Below so many devices prevalence says nothing.'),
  allowanceDevices: z
    .int()
    .positive()
    .describe('An ecosystem verdict on something more devices have starts in audit.'),
  breakerBlocksPerMinute: z
    .int()
    .positive()
    .describe(
      'More new ecosystem blocks in a minute and the next ones stay in their tenant until a person looks.',
    ),
  blockLifeMs: z.int().positive(),
  suspicionLifeMs: z.int().positive(),
  answerLifeMs: z.int().positive(),
});
export type DecisionConfig = z.infer<typeof decisionConfigSchema>;

export const defaultDecisionConfig: DecisionConfig = {
  priorMicronats: logOdds(0.1),
  blockMicronats: logOdds(0.9),
  moderateMicronats: logOdds(0.85),
  highMicronats: logOdds(0.7),
  highPlusMicronats: logOdds(0.5),
  ecosystemMicronats: logOdds(0.98),
  strongestWitnessMicronats: 8 * micro,
  benignWitnessMicronats: -1 * micro,
  cappedWitnessMicronats: 1 * micro,
  supportMicronats: 3 * micro,
  laterWitnessPermille: 500,
  processImageMicronats: 4_800_000,
  parentImageMicronats: 2_400_000,
  destinationMicronats: 2_000_000,
  findingsMicronats: 7_200_000,
  establishedTenantMicronats: 1_500_000,
  newTenantMicronats: 100_000,
  otherTenantsMicronats: 3_000_000,
  consensusTenants: 2,
  prevalenceMicronats: -600_000,
  prevalenceFloorDevices: 10,
  allowanceDevices: 500,
  breakerBlocksPerMinute: 60,
  blockLifeMs: defaultLimits.blockLifeMs,
  suspicionLifeMs: defaultLimits.suspicionLifeMs,
  answerLifeMs: defaultLimits.answerLifeMs,
};
