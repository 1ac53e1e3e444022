import { z } from 'zod';
import { artifactKeySchema } from './artifact.ts';
import { storedTimestampSchema } from './ids.ts';
import { optional } from './optional.ts';

/** A version of a classifier: what it calls itself, and the SHA-256 of its manifest, which tells it from any other. */
export const versionIdSchema = z.object({
  version: z.string().max(64),
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});
export type VersionId = z.infer<typeof versionIdSchema>;

/** Which version of a classifier decides, and which are not even tried; what else is there is tried. */
export const lineUpSchema = z.object({
  champion: versionIdSchema.nullable().describe('Null: the one that comes with the service.'),
  dropped: z.array(versionIdSchema).max(64),
});
export type LineUpChoice = z.infer<typeof lineUpSchema>;

/**
 * - `champion`: its scores count
 * - `challenger`: it scores the same reports, and nothing comes of it
 * - `resting`: it is there and does nothing
 */
export const versionStateSchema = z.enum(['champion', 'challenger', 'resting']);

/** What one process that classifies has, told once a minute and whenever it changes. */
export const classifierStatusSchema = z.object({
  instance: z.string().max(128),
  toldAt: storedTimestampSchema,
  versions: z.array(
    versionIdSchema.extend({
      digest: z.string().max(64),
      classifier: z.string().max(64),
      state: versionStateSchema,
      shipped: z.boolean(),
      silence: z.string().max(500).apply(optional).describe('Why it counts for nothing at present.'),
    }),
  ),
  refused: z.array(z.object({ folder: z.string().max(1000), reason: z.string().max(500) })),
});
export type ClassifierStatus = z.infer<typeof classifierStatusSchema>;

const answerOfVersionSchema = z.object({
  version: z.string().max(64),
  probability: z.number().min(0).max(1).nullable().describe('Null: no score.'),
  blocks: z.boolean().describe('Alone it would be enough for a block.'),
});
export type AnswerOfVersion = z.infer<typeof answerOfVersionSchema>;

/** What two versions of a classifier said of one report. It counts for nothing. */
export const shadowScoreSchema = z.object({
  artifactKey: artifactKeySchema,
  classifier: z.string().max(64),
  scoredAt: storedTimestampSchema,
  champion: answerOfVersionSchema,
  challenger: answerOfVersionSchema,
});
export type ShadowScore = z.infer<typeof shadowScoreSchema>;
