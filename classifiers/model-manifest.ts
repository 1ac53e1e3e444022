import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { classifierProfileSchema, type ClassifierProfile } from '../contracts/classifier-profile.ts';
import { evidenceKindSchema } from '../contracts/domain.ts';

const calibrationSchema = z.strictObject({ slope: z.number().positive(), intercept: z.number() });

/** `manifest.json` of a trained classifier, as `npm run train` writes it. */
export const modelManifestSchema = z.strictObject({
  ...classifierProfileSchema.shape,
  evidence: z.array(evidenceKindSchema).min(1).describe('What its probabilities rest on.'),
  model: z.strictObject({
    file: z.string(),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    sizeBytes: z.int().positive(),
    output: z.string(),
  }),
  calibration: z
    .record(z.string(), calibrationSchema)
    .describe('One for each column of the output, by name.'),
  training: z.strictObject({
    command: z.string(),
    environment: z
      .record(z.string(), z.string())
      .describe('Packages that decide the bytes of the model, and their versions.'),
    data: z.array(
      z.strictObject({
        file: z.string(),
        source: z.string(),
        commit: z.string(),
        licence: z.string(),
        sha256: z.string(),
      }),
    ),
  }),
  metrics: z
    .record(z.string(), z.unknown())
    .describe('Measured at the shipped threshold; the card explains them.'),
});
export type ModelManifest = z.infer<typeof modelManifestSchema>;

/** Reads a manifest. Throws where it is not what the schema says: it is part of the program. */
export async function readModelManifest(url: URL): Promise<ModelManifest> {
  return modelManifestSchema.parse(JSON.parse(await readFile(url, 'utf8')));
}

/** @returns the part that engine and correlator need */
export function profileOf(manifest: ModelManifest): ClassifierProfile {
  return classifierProfileSchema.parse(manifest);
}
