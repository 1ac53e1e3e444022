import { z } from 'zod';
import { artifactKeySchema } from './artifact.ts';
import { deviceIdSchema, reportIdSchema, sampleIdSchema, storedTimestampSchema } from './ids.ts';
import { scoreEvidenceSchema } from './score.ts';

/** What the device hears that sent a sample. */
export const takenSampleSchema = z
  .object({
    id: sampleIdSchema,
    artifact: artifactKeySchema,
    size: z.int(),
    expiresAt: storedTimestampSchema,
  })
  .meta({ id: 'TakenSample' });

/** What is told of a submitted sample: never its bytes. */
export const sampleItemSchema = z
  .object({
    id: sampleIdSchema,
    artifact: artifactKeySchema,
    size: z.int(),
    fileName: z.string().nullable(),
    deviceId: deviceIdSchema.describe('Who sent it.'),
    reportId: reportIdSchema,
    state: z
      .enum(['stored', 'analysed', 'failed'])
      .describe('`failed`: the analyser could not cope with it, which is evidence for nothing.'),
    storedAt: storedTimestampSchema,
    analysedAt: storedTimestampSchema.nullable(),
    expiresAt: storedTimestampSchema.describe('Then it is deleted.'),
    findings: z
      .object({
        classifier: z.string(),
        version: z.string(),
        probability: z.number().nullable().describe('Null: it said nothing of this sample.'),
        threshold: z.number(),
        reason: z.string().nullable().describe('Why it said nothing.'),
        evidence: z.array(scoreEvidenceSchema),
      })
      .nullable(),
    recordedAt: storedTimestampSchema,
  })
  .meta({ id: 'Sample' });
