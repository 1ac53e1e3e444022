import { z } from 'zod';
import { artifactKeySchema } from './artifact.ts';
import { deviceIdSchema, reportIdSchema, storedTimestampSchema, tenantIdSchema } from './ids.ts';
import { optional } from './optional.ts';

/** The ATT&CK enterprise tactics that detection names carry, as in Defender's behaviour names (12 and Generic). */
export const tactics = [
  'initial-access',
  'execution',
  'persistence',
  'privilege-escalation',
  'defense-evasion',
  'credential-access',
  'discovery',
  'lateral-movement',
  'collection',
  'command-and-control',
  'exfiltration',
  'impact',
] as const;
export const tacticSchema = z.enum(tactics);
export type Tactic = z.infer<typeof tacticSchema>;

/** One finding behind a score, for the decision record; stays in the tenant. */
export const scoreEvidenceSchema = z.object({
  code: z.string().max(64).describe('Stable within the classifier: a rule id, a feature, a marker.'),
  title: z.string().max(300),
  content: z.boolean().describe('It follows from the artifact’s own content, not from what surrounds it.'),
  level: z.enum(['informational', 'low', 'medium', 'high', 'critical']).apply(optional),
  tactic: tacticSchema.apply(optional),
  techniques: z.array(z.string().max(16)).max(16).apply(optional),
  simulated: z
    .boolean()
    .apply(optional)
    .describe('Found by a rule that is only tried: the score is what it would be without it.'),
});
export type ScoreEvidence = z.infer<typeof scoreEvidenceSchema>;

const probability = z.number().min(0).max(1);

export const scoredSchema = z.object({
  outcome: z.literal('score'),
  probability,
  contentProbability: probability.nullable(),
  capped: z.boolean().apply(optional),
  evidence: z.array(scoreEvidenceSchema).max(64),
});

const reportOffset = z
  .int()
  .nonnegative()
  .describe(
    'Where the report lies in its partition: who hears the score after it was decided finds it there.',
  );
const scoredReport = {
  tenantId: tenantIdSchema,
  deviceId: deviceIdSchema,
  reportId: reportIdSchema,
  reportedAt: storedTimestampSchema,
  reportOffset: reportOffset.apply(optional),
  artifactKey: artifactKeySchema,
};

/** One classifier's answer, whatever report it is for. */
export const classifierScoreSchema = z.object({
  classifier: z.string().max(64),
  version: z.string().max(64),
  featureSchemaVersion: z.int(),
  baseRate: probability,
  threshold: probability,
  supportsOnly: z.boolean().apply(optional).describe('It never causes a block alone, whatever it says.'),
  scoredAt: storedTimestampSchema,
  result: z.discriminatedUnion('outcome', [
    scoredSchema,
    z.object({ outcome: z.literal('abstained'), reason: z.string().max(300) }),
    z.object({ outcome: z.literal('failed'), reason: z.string().max(300) }),
  ]),
});
export type ClassifierScore = z.infer<typeof classifierScoreSchema>;

/** One classifier's answer for one report. */
export const scoreSchema = classifierScoreSchema.extend(scoredReport);
export type Score = z.infer<typeof scoreSchema>;

/** The answers for one report that were there together. */
export const reportScoresSchema = z.object({
  ...scoredReport,
  reportOffset,
  awaited: z.boolean().describe('A request is held for the verdict on the report.'),
  held: z.boolean().describe('The device holds the artifact until it is told.'),
  scores: z.array(classifierScoreSchema).min(1).max(64),
});
export type ReportScores = z.infer<typeof reportScoresSchema>;

/** @returns the answers, each with the report that it is for */
export function scoresOf({
  scores,
  awaited: _awaited,
  held: _held,
  ...report
}: ReportScores): readonly Score[] {
  return scores.map((score) => ({ ...report, ...score }));
}
