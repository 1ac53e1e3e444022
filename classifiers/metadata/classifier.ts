import { sha256Hex } from '../../contracts/canonical.ts';
import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import { calibrate, type Calibration } from '../calibration.ts';
import type { Classifier, ClassifierInput, ClassifierOutcome } from '../classifier.ts';
import { profileOf, readModelManifest } from '../model-manifest.ts';
import type { OpenModel, ScoringModel } from '../scoring-model.ts';
import { describesExecutable, extractFeatures, FEATURES, FEATURE_SCHEMA_VERSION } from './features.ts';
import { recognizeStub } from './stub.ts';

/**
 * Static features of Windows executables as a witness. All of it is the agent's word: it has no content probability and
 * never crosses organizations by itself.
 */
export class MetadataClassifier implements Classifier {
  readonly profile: ClassifierProfile;
  readonly #model: ScoringModel;
  readonly #calibration: Calibration;

  constructor(profile: ClassifierProfile, model: ScoringModel, calibration: Calibration) {
    if (profile.featureSchemaVersion !== FEATURE_SCHEMA_VERSION) {
      throw new TypeError(
        `The metadata model reads feature schema ${profile.featureSchemaVersion}, this is ${FEATURE_SCHEMA_VERSION}`,
      );
    }
    this.profile = profile;
    this.#model = model;
    this.#calibration = calibration;
  }

  cacheKey({ report }: ClassifierInput): string {
    const features = extractFeatures(report);
    const bytes = new Uint8Array(features.buffer, features.byteOffset, features.byteLength);
    return `${sha256Hex(bytes)}:${recognizeStub(report)?.code ?? ''}`;
  }

  async score(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]> {
    const described = inputs.filter(({ report }) => describesExecutable(report));
    const probabilities = await this.#probabilities(described);
    const byInput = new Map(described.map((input, index) => [input, probabilities[index] ?? 0] as const));
    return inputs.map((input) => outcomeOf(input, byInput.get(input)));
  }

  close(): Promise<void> {
    return this.#model.release();
  }

  async #probabilities(inputs: readonly ClassifierInput[]): Promise<readonly number[]> {
    if (inputs.length === 0) return [];
    const values = new Float32Array(inputs.length * FEATURES.length);
    inputs.forEach(({ report }, index) => values.set(extractFeatures(report), index * FEATURES.length));
    const scores = await this.#model.run({ features: { values, shape: [inputs.length, FEATURES.length] } });
    return Array.from(scores, (score) => calibrate(score, this.#calibration));
  }
}

function outcomeOf({ report }: ClassifierInput, probability: number | undefined): ClassifierOutcome {
  if (probability === undefined) {
    return { outcome: 'abstained', reason: 'The report does not describe a portable executable.' };
  }
  const stub = recognizeStub(report);
  return {
    outcome: 'score',
    probability,
    contentProbability: null,
    ...(stub !== undefined && { capped: true }),
    evidence: stub === undefined ? [] : [{ code: stub.code, title: stub.title, content: false }],
  };
}

/**
 * Opens the model beside this file.
 * @throws FirebreakError FB_MODEL_MISSING or FB_MODEL_ALTERED
 */
export async function createMetadataClassifier(openModel: OpenModel): Promise<MetadataClassifier> {
  const manifest = await readModelManifest(new URL('./manifest.json', import.meta.url));
  const { file, sha256, output } = manifest.model;
  const calibration = manifest.calibration['full'];
  if (calibration === undefined) throw new TypeError('The metadata manifest has no calibration named "full"');
  const model = await openModel({ url: new URL(file, import.meta.url), sha256, output });
  return new MetadataClassifier(profileOf(manifest), model, calibration);
}
