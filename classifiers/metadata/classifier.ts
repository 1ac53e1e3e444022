import { sha256Hex } from '../../contracts/canonical.ts';
import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import { calibrate, type Calibration } from '../calibration.ts';
import type { Classifier, ClassifierInput, ClassifierOutcome, Described } from '../classifier.ts';
import { openModelOf } from '../model-manifest.ts';
import { oncePerReport } from '../once-per-report.ts';
import type { OpenModel, ScoringModel } from '../scoring-model.ts';
import {
  describesExecutable,
  extractFeatures,
  FEATURES,
  FEATURE_SCHEMA_VERSION,
  readExecutable,
} from './features.ts';
import { recognizeStub, type Stub } from './stub.ts';

/** What one inference needs; undefined features: the report does not describe an executable. */
interface Reading {
  readonly features: Float32Array | undefined;
  readonly stub: Stub | undefined;
}

/**
 * Static features of Windows executables as a witness. All of it is the agent's word: it has no content probability and
 * never crosses organizations by itself.
 */
export class MetadataClassifier implements Classifier {
  readonly profile: ClassifierProfile;
  readonly described: Described = {
    names: FEATURES.map(({ name }) => name),
    of: ({ report }) => read(report).features ?? null,
  };
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
    const { features, stub } = read(report);
    if (features === undefined) return '';
    const bytes = new Uint8Array(features.buffer, features.byteOffset, features.byteLength);
    return `${sha256Hex(bytes)}:${stub?.code ?? ''}`;
  }

  async score(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]> {
    const readings = inputs.map(({ report }) => read(report));
    const probabilities = await this.#probabilities(readings.flatMap(({ features }) => features ?? []));
    let next = 0;
    return readings.map(({ features, stub }) =>
      features === undefined
        ? { outcome: 'abstained', reason: 'The report does not describe a portable executable.' }
        : scored(probabilities[next++] ?? 0, stub),
    );
  }

  close(): Promise<void> {
    return this.#model.release();
  }

  async #probabilities(vectors: readonly Float32Array[]): Promise<readonly number[]> {
    if (vectors.length === 0) return [];
    const width = FEATURES.length;
    const values = new Float32Array(vectors.length * width);
    vectors.forEach((features, index) => values.set(features, index * width));
    const scores = await this.#model.run({ features: { values, shape: [vectors.length, width] } });
    return Array.from(scores, (score) => calibrate(score, this.#calibration));
  }
}

const read = oncePerReport((report): Reading => {
  const facts = readExecutable(report);
  return describesExecutable(facts)
    ? { features: extractFeatures(facts), stub: recognizeStub(facts) }
    : { features: undefined, stub: undefined };
});

function scored(probability: number, stub: Stub | undefined): ClassifierOutcome {
  return {
    outcome: 'score',
    probability,
    contentProbability: null,
    ...(stub !== undefined && { capped: true }),
    evidence: stub === undefined ? [] : [{ code: stub.code, title: stub.title, content: false }],
  };
}

/**
 * Opens the model of a folder, which is that beside this file unless another is given.
 * @throws FirebreakError FB_MODEL_MISSING or FB_MODEL_ALTERED
 */
export async function createMetadataClassifier(
  openModel: OpenModel,
  folder: URL = new URL('./', import.meta.url),
): Promise<MetadataClassifier> {
  const { profile, model, calibration } = await openModelOf(folder, openModel, ['full']);
  return new MetadataClassifier(profile, model, calibration.full);
}
