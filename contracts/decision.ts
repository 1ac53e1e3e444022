import { z } from 'zod';
import { artifactKeySchema } from './artifact.ts';
import { combinerSchema } from './combiner.ts';
import {
  actionSchema,
  artifactKindSchema,
  blockLevelSchema,
  detectionSourceSchema,
  reachSchema,
  reasonSchema,
  severitySchema,
  trustSchema,
  verdictSchema,
} from './domain.ts';
import {
  decisionIdSchema,
  deviceIdSchema,
  entryIdSchema,
  reportIdSchema,
  storedTimestampSchema,
  tenantIdSchema,
} from './ids.ts';
import { scoreSchema } from './score.ts';
import { optional } from './optional.ts';

/** Log-odds in fixed point: 1,000,000 micro-nats are a factor of e in the odds. Sums are exact, so the same inputs give the same bytes. */
export const micronatsSchema = z.int();

/** One summand of a decision. The terms add up to the sum exactly: they are the explanation. */
export const termSchema = z.object({
  name: z
    .string()
    .max(120)
    .describe(
      'prior, score:<classifier>, support:<classifier>, finding:<relation>, others:confirmed, prevalence, …',
    ),
  micronats: micronatsSchema,
  content: z.boolean().describe('Counts as content evidence.'),
  own: z
    .boolean()
    .describe('From the deciding tenant or from content; false: what other tenants contributed, as one sum.'),
  text: z.string().max(500),
});
export type Term = z.infer<typeof termSchema>;

/** What the service knew of the artifact beyond the report when it decided. */
export const signalSnapshotSchema = z.object({
  firstSeenAt: storedTimestampSchema.nullable(),
  lastSeenAt: storedTimestampSchema.nullable(),
  devices: z.int().nonnegative().describe('Distinct devices of all tenants in the look-back.'),
  tenants: z.int().nonnegative(),
  ownDevices: z.int().nonnegative(),
  confirmations: z
    .array(z.object({ trust: trustSchema, own: z.boolean(), micronats: micronatsSchema }))
    .max(64),
});
export type SignalSnapshot = z.infer<typeof signalSnapshotSchema>;

/** One step of the decision procedure, in order, with what it did. */
export const decisionStepSchema = z.object({
  step: z.string().max(64),
  outcome: z.string().max(64),
  text: z.string().max(500),
});
export type DecisionStep = z.infer<typeof decisionStepSchema>;

/** What made the correlator decide. */
export const triggerSchema = z.object({
  kind: z.enum(['report', 'score', 'finding', 'confirmation']),
  deviceId: deviceIdSchema,
  reportId: reportIdSchema,
  reportedAt: storedTimestampSchema,
  acceptedAt: storedTimestampSchema,
  detectionSource: detectionSourceSchema.apply(optional),
  detail: z.string().max(300).apply(optional),
});
export type Trigger = z.infer<typeof triggerSchema>;

/** The whole record of one decision: every input, every term, every step. From it the same decision is computed again. */
export const decisionRecordSchema = z.object({
  decisionId: decisionIdSchema,
  entryId: entryIdSchema,
  /** Revision of the entry that it made; 0 where it only answered a report. */
  revision: z.int().nonnegative(),
  artifactKey: artifactKeySchema,
  artifactKind: artifactKindSchema,
  reach: reachSchema,
  /** The tenant whose report tipped it. */
  tenantId: tenantIdSchema,
  deviceId: deviceIdSchema.nullable().describe('Set when the reach is one device.'),
  trigger: triggerSchema,
  decidedAt: storedTimestampSchema,
  expiresAt: storedTimestampSchema,
  end: z
    .enum(['complete', 'settled', 'deadline', 'revision'])
    .describe('Why the join ended: all in, the rest cannot change it, time, or a later revision.'),
  verdict: verdictSchema,
  action: actionSchema,
  blockFrom: blockLevelSchema,
  threatName: z.string().max(200).apply(optional),
  severity: severitySchema,
  reason: reasonSchema,
  sumMicronats: micronatsSchema,
  contentSumMicronats: micronatsSchema,
  probability: z.number(),
  terms: z.array(termSchema),
  scores: z.array(scoreSchema),
  missing: z.array(z.string().max(64)),
  signals: signalSnapshotSchema,
  steps: z.array(decisionStepSchema),
  configuration: z.record(z.string(), z.number()),
  engineVersion: z.string().max(64),
  combiner: combinerSchema.apply(optional).describe('How the words of classifiers added up.'),
  degraded: z.boolean().describe('Cross-tenant signals were away: decided on the tenant’s own evidence.'),
  fileName: z.string().max(4096).apply(optional),
});
export type DecisionRecord = z.infer<typeof decisionRecordSchema>;
