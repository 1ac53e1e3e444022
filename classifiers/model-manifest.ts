import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { classifierProfileSchema, type ClassifierProfile } from '../contracts/classifier-profile.ts';
import { evidenceKindSchema } from '../contracts/domain.ts';
import type { Calibration } from './calibration.ts';
import type { OpenModel, ScoringModel } from './scoring-model.ts';

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

/** A model ready to run, with what its manifest says of it. */
export interface OpenedModel<Column extends string> {
  readonly profile: ClassifierProfile;
  readonly model: ScoringModel;
  readonly calibration: Readonly<Record<Column, Calibration>>;
}

/**
 * Opens the model that the manifest of a folder names.
 * @param columns of the output, each of which has its calibration
 * @throws FirebreakError FB_MODEL_MISSING or FB_MODEL_ALTERED; TypeError where a calibration is missing
 */
export async function openModelOf<Column extends string>(
  folder: URL,
  openModel: OpenModel,
  columns: readonly Column[],
): Promise<OpenedModel<Column>> {
  const manifest = await readModelManifest(new URL('manifest.json', folder));
  const calibrations = columns.map((column) => {
    const calibration = manifest.calibration[column];
    if (calibration === undefined)
      throw new TypeError(`The ${manifest.id} manifest has no calibration named "${column}"`);
    return [column, calibration] as const;
  });
  const { file, sha256, output } = manifest.model;
  return {
    profile: profileOf(manifest),
    model: await openModel({ url: new URL(file, folder), sha256, output }),
    calibration: Object.fromEntries(calibrations) as Record<Column, Calibration>,
  };
}
