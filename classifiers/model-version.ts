import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { isFirebreakError } from '../contracts/errors.ts';
import { AbsentClassifier } from './absent-classifier.ts';
import { readCanaries, type Canary } from './canaries.ts';
import type { Classifier } from './classifier.ts';
import { readDriftReference, type DriftReference } from './drift.ts';
import { profileOf, readModelManifest } from './model-manifest.ts';
import type { OpenModel } from './scoring-model.ts';

/** A classifier as it stands in one folder, ready to score. */
export interface OpenedVersion {
  readonly classifier: Classifier;
  readonly canaries: readonly Canary[];
  /** SHA-256 of its manifest, which names that of its model: what a version is, whatever it calls itself. */
  readonly digest: string;
  /** What its inputs looked like when it was made; null where nothing is known of that. */
  readonly reference: DriftReference | null;
}

/** Opens the manifest and model of a folder. */
export type MakeClassifier = (openModel: OpenModel, folder: URL) => Promise<Classifier>;

/**
 * Opens a version of a classifier: `manifest.json`, the model that it names and `golden.jsonl`.
 * @throws FB_MODEL_MISSING, FB_MODEL_ALTERED, and whatever is wrong with the other files
 */
export async function openVersion(
  make: MakeClassifier,
  openModel: OpenModel,
  folder: URL,
): Promise<OpenedVersion> {
  const { model } = await readModelManifest(new URL('manifest.json', folder));
  const [canaries, digest, reference] = await Promise.all([
    readCanaries(folder),
    digestOf(folder),
    readDriftReference(folder, model.sha256),
  ]);
  return { classifier: await make(openModel, folder), canaries, digest, reference };
}

/** As `openVersion`; a model that is missing or altered leaves a classifier that fails on everything and says why. */
export async function openOrAbsent(
  make: MakeClassifier,
  openModel: OpenModel,
  folder: URL,
): Promise<OpenedVersion> {
  try {
    return await openVersion(make, openModel, folder);
  } catch (error) {
    if (!isFirebreakError(error) || !refusals.has(error.code)) throw error;
    const profile = profileOf(await readModelManifest(new URL('manifest.json', folder)));
    const classifier = new AbsentClassifier(profile, `${error.code}: ${error.message}`);
    return { classifier, canaries: [], digest: await digestOf(folder), reference: null };
  }
}

const refusals: ReadonlySet<string> = new Set(['FB_MODEL_MISSING', 'FB_MODEL_ALTERED']);

async function digestOf(folder: URL): Promise<string> {
  return hash('sha256', await readFile(new URL('manifest.json', folder)));
}
