import { z } from 'zod';
import { artifactKeySchema } from './artifact.ts';
import {
  actionSchema,
  blockLevelSchema,
  reachSchema,
  reasonSchema,
  remediationSchema,
  severitySchema,
  verdictSchema,
} from './domain.ts';
import { deviceIdSchema, entryIdSchema, reportIdSchema, storedTimestampSchema } from './ids.ts';
import { leaving } from './leaves.ts';
import { optional } from './optional.ts';

/** Which devices of its tenant an own entry is for. */
export const targetsSchema = z.union([
  z.strictObject({ all: z.literal(true) }),
  z.strictObject({ deviceIds: z.array(deviceIdSchema).min(1).max(1000) }),
]);
export type Targets = z.infer<typeof targetsSchema>;

const entryFields = {
  id: entryIdSchema,
  revision: z.int().positive(),
  key: artifactKeySchema,
  action: actionSchema,
  blockFrom: blockLevelSchema.describe(
    'The lowest block level that enforces `action`; a device below it audits.',
  ),
  remediation: z.array(remediationSchema).max(8),
  severity: severitySchema,
  reason: reasonSchema,
  decidedAt: storedTimestampSchema,
};

/** What the service decided on an artifact for a reach. */
export const decidedEntrySchema = z.object({
  ...leaving('shared', {
    ...entryFields,
    source: z.literal('decision'),
    reach: reachSchema,
    verdict: verdictSchema,
    threatName: z.string().max(200).apply(optional),
    expiresAt: storedTimestampSchema,
  }),
  reportId: reportIdSchema.apply(optional).describe('Only for the device that reported it.'),
  target: z
    .object({ process: z.object({ entity_id: z.string().max(256) }) })
    .apply(optional)
    .describe('The process to stop; only for the device that reported it.'),
});
export type DecidedEntry = z.infer<typeof decidedEntrySchema>;

/** What an analyst of the tenant decided: an override (indicators come later). */
export const ownEntrySchema = z.object(
  leaving('tenant', {
    ...entryFields,
    source: z.literal('own'),
    targets: targetsSchema,
    expiresAt: storedTimestampSchema.nullable(),
  }),
);
export type OwnEntry = z.infer<typeof ownEntrySchema>;

/** What the stream carries and an agent keeps. */
export const entrySchema = z
  .discriminatedUnion('source', [decidedEntrySchema, ownEntrySchema])
  .meta({ id: 'Entry' });
export type Entry = z.infer<typeof entrySchema>;

/** The end of an entry. A value of its own, with a revision above the entry's. */
export const revocationSchema = z
  .object(
    leaving('shared', {
      id: entryIdSchema,
      revision: z.int().positive(),
      key: artifactKeySchema,
      source: z.enum(['decision', 'own']),
      reach: reachSchema.apply(optional),
      reason: reasonSchema,
      restore: z.boolean().describe('Give quarantined copies back.'),
      decidedAt: storedTimestampSchema,
    }),
  )
  .meta({ id: 'Revocation' });
export type Revocation = z.infer<typeof revocationSchema>;
