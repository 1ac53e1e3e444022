import { z } from 'zod';
import { artifactKeySchema, type ArtifactKey } from './artifact.ts';
import { lineUpSchema } from './classifier-versions.ts';
import { micronatsSchema } from './decision.ts';
import { artifactKindSchema, evidenceKindSchema, trustSchema } from './domain.ts';
import { decidedEntrySchema, ownEntrySchema, revocationSchema } from './entry.ts';
import { errorCodeSchema } from './errors.ts';
import {
  deviceIdSchema,
  type EntryId,
  reportIdSchema,
  sampleIdSchema,
  storedTimestampSchema,
  tenantIdSchema,
} from './ids.ts';
import { policySchema } from './policy.ts';
import { reportSchema } from './report.ts';
import { scoredSchema, scoreSchema } from './score.ts';
import { optional } from './optional.ts';

/** What one device observed of one artifact, as ingest accepted it. */
export const acceptedReportSchema = z.object({
  tenantId: tenantIdSchema,
  deviceId: deviceIdSchema,
  artifactKey: artifactKeySchema,
  artifactKind: artifactKindSchema,
  evidence: evidenceKindSchema,
  acceptedAt: storedTimestampSchema,
  clockSuspect: z.boolean().describe('`@timestamp` is off by more than the allowed skew.'),
  // The first records had none.
  awaited: z
    .boolean()
    .default(false)
    .describe('A request is held for the verdict: it gets an answer even where one is in force.'),
  historyOnly: z.boolean().describe('Too old to tell anything about now: it makes no signal.'),
  report: reportSchema,
});
export type AcceptedReport = z.infer<typeof acceptedReportSchema>;

const findingFields = {
  id: z.uuid(),
  targetKey: artifactKeySchema,
  tenantId: tenantIdSchema,
  deviceId: deviceIdSchema,
  reportId: reportIdSchema,
  reportedAt: storedTimestampSchema,
  acceptedAt: storedTimestampSchema,
  foundAt: storedTimestampSchema,
};

/** What a condemned behaviour says against the image of its process, of that one's parent, and what it contacted. */
export const behaviorFindingSchema = z.object({
  ...findingFields,
  relation: z.enum(['process-image', 'parent-image', 'destination']),
  micronats: micronatsSchema,
  processEntityId: z.string().max(256).apply(optional),
  source: z.object({
    artifactKey: artifactKeySchema,
    threatName: z.string().max(200).apply(optional),
    decidedAt: storedTimestampSchema,
  }),
});
export type BehaviorFinding = z.infer<typeof behaviorFindingSchema>;

/** What the content of a submitted sample says: bytes whose digest the service computed itself. */
export const sampleFindingSchema = z.object({
  ...findingFields,
  relation: z.literal('sample'),
  score: scoreSchema,
});
export type SampleFinding = z.infer<typeof sampleFindingSchema>;

/** What an organization says that a sandbox of its own saw. Its word, and by its form never content. */
export const detonationFindingSchema = z.object({
  ...findingFields,
  relation: z.literal('detonation'),
  score: scoreSchema.extend({ result: scoredSchema.extend({ contentProbability: z.null() }) }),
});
export type DetonationFinding = z.infer<typeof detonationFindingSchema>;

/** What was found beside the reports of an artifact and reopens its case. Keyed by its target. */
export const findingSchema = z.discriminatedUnion('relation', [
  behaviorFindingSchema,
  sampleFindingSchema,
  detonationFindingSchema,
]);
export type Finding = z.infer<typeof findingSchema>;

/** A sample lies in the store, for whoever analyses it: never the bytes. */
export const storedSampleSchema = z.object({
  sampleId: sampleIdSchema,
  tenantId: tenantIdSchema,
  deviceId: deviceIdSchema,
  artifactKey: artifactKeySchema,
  sizeBytes: z.int().nonnegative(),
  fileName: z.string().max(4096).nullable().describe('As the report named it.'),
  reportId: reportIdSchema.describe('Of the report that the sample was asked for by.'),
  reportedAt: storedTimestampSchema,
  storedAt: storedTimestampSchema,
  expiresAt: storedTimestampSchema,
});
export type StoredSample = z.infer<typeof storedSampleSchema>;

const subjectSchema = z.object({ tenantId: tenantIdSchema.nullable(), deviceId: deviceIdSchema.nullable() });

/** What is in force for an artifact at a reach, or that it no longer is. */
export const verdictRecordSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('entry'),
    subject: subjectSchema,
    entry: decidedEntrySchema,
    origin: z.object({
      tenantId: tenantIdSchema,
      deviceId: deviceIdSchema,
      reportId: reportIdSchema,
      processEntityId: z.string().max(256).apply(optional),
    }),
    writer: z.string().max(64).describe('The correlator that wrote it: breaks ties of one revision.'),
  }),
  z.object({
    kind: z.literal('revocation'),
    subject: subjectSchema,
    revocation: revocationSchema,
    keepUntil: storedTimestampSchema.describe('Original expiry and 8 days; then the null tombstone.'),
    writer: z.string().max(64),
  }),
]);
export type VerdictRecord = z.infer<typeof verdictRecordSchema>;

/** @returns the entry id and revision of either kind of record */
export function revisionOf(record: VerdictRecord): {
  readonly id: EntryId;
  readonly revision: number;
  readonly key: ArtifactKey;
} {
  return record.kind === 'entry' ? record.entry : record.revocation;
}

/** "No threats found": an answer to who waits, not a state that agents keep. */
export const answerSchema = z.object({
  artifactKey: artifactKeySchema,
  subject: subjectSchema,
  entry: decidedEntrySchema,
  origin: z.object({ deviceId: deviceIdSchema, reportId: reportIdSchema }),
  held: z.boolean().describe('The device holds the file: the release goes to its stream too.'),
});
export type Answer = z.infer<typeof answerSchema>;

/** Changelog of the folded state of one artifact; `state` is what the signals adapter reads back. */
export const signalRecordSchema = z.object({ artifactKey: artifactKeySchema, state: z.unknown() });
export type SignalRecord = z.infer<typeof signalRecordSchema>;

const versioned = {
  version: z
    .int()
    .positive()
    .describe('Grows with every change of the subject; readers drop what they have seen.'),
};

/** Configuration on its way from PostgreSQL, through the outbox, to everybody. */
export const controlRecordSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('tenant'), ...versioned, tenantId: tenantIdSchema, trust: trustSchema }),
  z.object({
    kind: z.literal('device'),
    ...versioned,
    tenantId: tenantIdSchema,
    deviceId: deviceIdSchema,
    status: z.enum(['active', 'offboarded']),
    entries: z.enum(['purge', 'keep-until-expiry']).apply(optional),
  }),
  z.object({
    kind: z.literal('token'),
    ...versioned,
    tenantId: tenantIdSchema,
    tokenId: z.uuid(),
    status: z.enum(['active', 'revoked']),
  }),
  z.object({ kind: z.literal('policy'), ...versioned, tenantId: tenantIdSchema, policy: policySchema }),
  z.object({ kind: z.literal('own-entry'), ...versioned, tenantId: tenantIdSchema, entry: ownEntrySchema }),
  z.object({
    kind: z.literal('own-revocation'),
    ...versioned,
    tenantId: tenantIdSchema,
    revocation: revocationSchema,
    keepUntil: storedTimestampSchema,
  }),
  z.object({
    kind: z.literal('classifier'),
    ...versioned,
    classifier: z.string().max(64),
    lineUp: lineUpSchema,
  }),
]);
export type ControlRecord = z.infer<typeof controlRecordSchema>;

/** What could not be processed, untouched. */
export const deadLetterSchema = z.object({
  topic: z.string().max(128),
  partition: z.int().nonnegative(),
  offset: z.int().nonnegative(),
  group: z.string().max(128),
  key: z.string().max(1024),
  valueBase64: z.string(),
  headers: z.record(z.string(), z.string()),
  code: errorCodeSchema,
  detail: z.string().max(2000),
  failedAt: storedTimestampSchema,
});
export type DeadLetter = z.infer<typeof deadLetterSchema>;

/** How far the owner of a partition of artifacts has come, by the clock of acceptance. */
export const progressSchema = z.object({
  partition: z.int().nonnegative(),
  /** Every report of the partition that was accepted before is decided. */
  decidedUntil: storedTimestampSchema,
});
export type Progress = z.infer<typeof progressSchema>;
