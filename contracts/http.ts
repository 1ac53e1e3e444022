import { z } from 'zod';
import { artifactKeySchema } from './artifact.ts';
import { namedArtifactKeySchema } from './canonical.ts';
import { decisionRecordSchema } from './decision.ts';
import {
  actionSchema,
  artifactKindSchema,
  detectionSourceSchema,
  localActionSchema,
  reachSchema,
  reasonSchema,
  roleSchema,
  runningModeSchema,
  severitySchema,
  trustSchema,
  verdictOrPendingSchema,
  verdictSchema,
} from './domain.ts';
import { ecsHostSchema } from './ecs.ts';
import { entrySchema, targetsSchema } from './entry.ts';
import { problemSchema } from './errors.ts';
import {
  decisionIdSchema,
  deviceIdSchema,
  entryIdSchema,
  overrideIdSchema,
  reportIdSchema,
  storedTimestampSchema,
  tenantIdSchema,
  timestampSchema,
} from './ids.ts';
import { defaultLimits } from './limits.ts';
import { reportSchema } from './report.ts';
import { leaving } from './leaves.ts';
import { optional } from './optional.ts';

/** Request and answer bodies of the REST interface, by the names that the OpenAPI document gives them. */

const label = z.string().trim().min(1).max(200);

/* ---- tenants, tokens, devices ---- */

export const tenantSchema = z
  .object({ id: tenantIdSchema, name: label, trust: trustSchema, createdAt: storedTimestampSchema })
  .meta({ id: 'Tenant' });
export const createTenantSchema = z.strictObject({ name: label });
export const createdTenantSchema = z.object({
  tenant: tenantSchema,
  enrollmentKey: z.string(),
  adminToken: z.string(),
});
export const patchTenantSchema = z.strictObject({ trust: trustSchema });

export const createEnrollmentKeySchema = z.strictObject({
  name: label,
  expiresAt: timestampSchema.nullable().default(null),
  maxUses: z.int().positive().max(1_000_000).nullable().default(null),
  tags: z.array(label).max(20).default([]),
});
export const enrollmentKeySchema = z
  .object({
    id: z.uuid(),
    name: label,
    expiresAt: storedTimestampSchema.nullable(),
    maxUses: z.int().nullable(),
    uses: z.int(),
    tags: z.array(z.string()),
    createdAt: storedTimestampSchema,
    revokedAt: storedTimestampSchema.nullable(),
  })
  .meta({ id: 'EnrollmentKey' });
export const createdEnrollmentKeySchema = z.object({
  enrollmentKey: enrollmentKeySchema,
  secret: z.string(),
});

export const createTokenSchema = z.strictObject({
  name: label,
  role: roleSchema,
  expiresAt: timestampSchema.nullable().default(null),
});
export const tokenSchema = z
  .object({
    id: z.uuid(),
    name: label,
    role: roleSchema,
    expiresAt: storedTimestampSchema.nullable(),
    createdAt: storedTimestampSchema,
    revokedAt: storedTimestampSchema.nullable(),
  })
  .meta({ id: 'Token' });
export const createdTokenSchema = z.object({ token: tokenSchema, secret: z.string() });

const agentSchema = z.strictObject({ type: label, version: label });
const capabilitiesSchema = z.strictObject({
  kinds: z.array(artifactKindSchema).max(16),
  actions: z.array(actionSchema).max(16),
});

export const enrollDeviceSchema = z.strictObject({
  installationId: z
    .string()
    .min(8)
    .max(200)
    .describe('Made once by the installation; the same one gets the same device.'),
  host: ecsHostSchema,
  agent: agentSchema,
  runningMode: runningModeSchema,
  capabilities: capabilitiesSchema,
});
export const deviceSchema = z
  .object({
    id: deviceIdSchema,
    tenantId: tenantIdSchema,
    status: z.enum(['active', 'offboarded']),
    host: ecsHostSchema,
    agent: agentSchema,
    runningMode: runningModeSchema,
    tags: z.array(z.string()),
    createdAt: storedTimestampSchema,
    lastSeenAt: storedTimestampSchema.nullable(),
  })
  .meta({ id: 'Device' });
export const enrolledDeviceSchema = z.object({
  device: deviceSchema,
  credential: z.string(),
  signingKeys: z.array(z.unknown()),
});
export const deviceCredentialSchema = z.object({ credential: z.string() });
export const patchDeviceSchema = z.strictObject({ tags: z.array(label).max(20) });

export const agentStatusSchema = z.strictObject({
  agent: agentSchema,
  runningMode: runningModeSchema,
  capabilities: capabilitiesSchema,
  policyRevision: z.int().nonnegative().nullable(),
  cursor: z.string().max(1024).nullable(),
  digest: z.string().max(64).nullable(),
  count: z.int().nonnegative().nullable(),
  bootId: z.string().max(200),
  prerequisites: z.record(z.string().max(64), z.boolean()).apply(optional),
});

/* ---- reports and lookups ---- */

/** The envelope; its reports are parsed one by one, so that a bad one does not spoil the others. */
export const reportBatchSchema = z.strictObject({
  sentAt: timestampSchema,
  ecs: z.strictObject({ version: z.string().max(16) }).apply(optional),
  reports: z.array(z.unknown()).min(1).max(defaultLimits.reportsPerBatch),
});
/** The same with its reports, for the OpenAPI document and for agents. */
export const reportBatchDocumentSchema = reportBatchSchema
  .extend({ reports: z.array(reportSchema).min(1).max(defaultLimits.reportsPerBatch) })
  .meta({ id: 'ReportBatch' });

export const reportStatusSchema = z.enum(['accepted', 'known', 'duplicate', 'deferred', 'rejected']);
export const reportResultSchema = z
  .object({
    id: z.string().nullable().describe('The id of the report; null where it had none that could be read.'),
    status: reportStatusSchema,
    artifact: artifactKeySchema.nullable(),
    entry: entrySchema.nullable(),
    verdict: verdictOrPendingSchema
      .nullable()
      .describe('Null: none will come, for the report was rejected or is too old to be judged.'),
    dropped: z.int().positive().apply(optional).describe('ECS keys that were not taken.'),
    error: problemSchema.apply(optional),
    retryAfterMs: z.int().positive().apply(optional),
    sample: z
      .object({ wanted: z.boolean() })
      .apply(optional)
      .describe(
        'The file itself is asked for: `PUT /v1/samples/{sha256}`. Under the consent `prompt` a person is asked first.',
      ),
  })
  .meta({ id: 'ReportResult' });
export type ReportResult = z.infer<typeof reportResultSchema>;
export const reportBatchResultSchema = z
  .object({ now: storedTimestampSchema, results: z.array(reportResultSchema) })
  .meta({ id: 'ReportBatchResult' });

/** What became of a report, as its device sees it. */
export const reportOutcomeSchema = z
  .object({
    id: reportIdSchema,
    '@timestamp': storedTimestampSchema,
    artifact: artifactKeySchema,
    verdict: verdictOrPendingSchema,
    entry: entrySchema.nullable(),
    acceptedAt: storedTimestampSchema,
  })
  .meta({ id: 'ReportOutcome' });

export const lookupSchema = z.strictObject({
  keys: z.array(namedArtifactKeySchema).min(1).max(defaultLimits.lookupsPerRequest),
});
export const lookupResultSchema = z
  .object({
    now: storedTimestampSchema,
    results: z.array(
      z.object({
        key: artifactKeySchema,
        verdict: verdictSchema.nullable().describe('Null: nothing is in force.'),
        action: actionSchema.nullable().describe('Effective for the caller under its policy.'),
        entries: z.array(entrySchema),
      }),
    ),
  })
  .meta({ id: 'LookupResult' });

/* ---- history ---- */

/** One decision in a list. */
export const verdictItemSchema = z
  .object({
    id: entryIdSchema,
    revision: z.int().nonnegative(),
    decisionId: decisionIdSchema,
    artifact: artifactKeySchema,
    kind: artifactKindSchema,
    verdict: verdictSchema,
    action: actionSchema,
    blockFrom: z.string(),
    reach: reachSchema,
    threatName: z.string().nullable(),
    severity: severitySchema,
    reason: reasonSchema,
    fileName: z.string().nullable().describe('Null unless the caller’s own tenant reported it.'),
    deviceId: deviceIdSchema
      .nullable()
      .describe('The device whose report tipped it; null for another tenant’s.'),
    detectionSource: detectionSourceSchema.nullable(),
    reportId: reportIdSchema.nullable(),
    decidedAt: storedTimestampSchema,
    expiresAt: storedTimestampSchema,
    recordedAt: storedTimestampSchema,
  })
  .meta({ id: 'VerdictItem' });

export const listOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), next: z.string().nullable() });

/** The record of a decision as the caller may see it: other tenants’ terms are one sum, their scores and ids are absent. */
export const decisionViewSchema = decisionRecordSchema
  .omit({ tenantId: true, deviceId: true, trigger: true })
  .extend({
    trigger: decisionRecordSchema.shape.trigger.nullable(),
    sumText: z.string().describe('The sum in words.'),
    recordedAt: storedTimestampSchema,
  })
  .meta({ id: 'DecisionView' });

export const verdictViewSchema = z
  .object({
    id: entryIdSchema,
    artifact: artifactKeySchema,
    reach: reachSchema,
    inForce: z.boolean(),
    current: entrySchema.nullable(),
    revisions: z.array(verdictItemSchema),
  })
  .meta({ id: 'VerdictView' });

export const reportItemSchema = z
  .object({
    id: reportIdSchema,
    '@timestamp': storedTimestampSchema,
    deviceId: deviceIdSchema,
    artifact: artifactKeySchema,
    kind: artifactKindSchema,
    detectionSource: detectionSourceSchema,
    localAction: localActionSchema,
    fileName: z.string().nullable(),
    clockSuspect: z.boolean(),
    acceptedAt: storedTimestampSchema,
    recordedAt: storedTimestampSchema,
  })
  .meta({ id: 'ReportItem' });
export const reportViewSchema = reportItemSchema
  .extend({ report: reportSchema, verdict: verdictOrPendingSchema })
  .meta({ id: 'ReportView' });

/* ---- artifacts and overrides ---- */

const prevalenceFields = {
  devices: z.int(),
  firstSeenAt: storedTimestampSchema.nullable(),
  lastSeenAt: storedTimestampSchema.nullable(),
};
const ecosystemPrevalenceSchema = z.object(
  leaving('shared', { ...prevalenceFields, tenants: z.int().nullable().describe('Null below k tenants.') }),
);

export const artifactViewSchema = z
  .object({
    key: artifactKeySchema,
    kind: artifactKindSchema,
    fileNames: z.array(z.string()).max(20),
    hashes: z.record(z.string(), z.string()),
    signer: z.string().nullable(),
    own: z.object(prevalenceFields),
    ecosystem: ecosystemPrevalenceSchema.nullable().describe('Null below k tenants.'),
    inForce: z.array(entrySchema),
    timeline: z.array(verdictItemSchema).max(100),
    reports: z.array(reportItemSchema).max(20),
    relations: z.array(z.object({ relation: z.string(), key: artifactKeySchema })).max(100),
  })
  .meta({ id: 'ArtifactView' });
export const artifactItemSchema = z
  .object({
    key: artifactKeySchema,
    kind: artifactKindSchema,
    fileName: z.string().nullable(),
    reports: z.int(),
    lastSeenAt: storedTimestampSchema,
  })
  .meta({ id: 'ArtifactItem' });
export const artifactDeviceSchema = z
  .object({
    deviceId: deviceIdSchema,
    hostName: z.string().nullable(),
    reports: z.int(),
    firstSeenAt: storedTimestampSchema,
    lastSeenAt: storedTimestampSchema,
  })
  .meta({ id: 'ArtifactDevice' });

export const createOverrideSchema = z.strictObject({
  action: z.enum(['allow', 'audit', 'warn', 'block', 'block-and-remediate']),
  targets: targetsSchema.default({ all: true }),
  expiresAt: timestampSchema.nullable().default(null),
  restore: z.boolean().default(false).describe('With `allow`: give quarantined copies back.'),
  comment: z.string().trim().min(1).max(2000),
});
export const overrideSchema = z
  .object({
    id: overrideIdSchema,
    entryId: entryIdSchema,
    revision: z.int().positive(),
    artifact: artifactKeySchema,
    action: actionSchema,
    targets: targetsSchema,
    expiresAt: storedTimestampSchema.nullable(),
    restore: z.boolean(),
    comment: z.string(),
    createdAt: storedTimestampSchema,
    createdBy: z.string(),
    withdrawnAt: storedTimestampSchema.nullable(),
  })
  .meta({ id: 'Override' });

export const auditItemSchema = z
  .object({
    id: z.uuid(),
    at: storedTimestampSchema,
    actor: z.string(),
    action: z.string(),
    subject: z.string(),
    comment: z.string().nullable(),
    details: z.record(z.string(), z.unknown()),
    recordedAt: storedTimestampSchema,
  })
  .meta({ id: 'AuditItem' });

/* ---- health ---- */

export const readinessSchema = z.object({
  ready: z.boolean(),
  missing: z.array(z.object({ part: z.string(), why: z.string() })),
});
