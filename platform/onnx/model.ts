import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { isNativeError } from 'node:util/types';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { FirebreakError } from '../../contracts/errors.ts';

/** Where a model is, what it must be, and the one output that is read. */
export interface ModelSource {
  readonly url: URL;
  /** Lower-case hexadecimal SHA-256 of the file. */
  readonly sha256: string;
  readonly output: string;
}

/** One input of a batch: values in row-major order. `shape` multiplies to the number of values. */
export interface ModelInput {
  readonly values: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

/**
 * A loaded model. It is safe to run from several places at once: onnxruntime queues runs of one session.
 * - `run`: takes every input of the graph by name; the first dimension of each is the batch. Answers the output's values
 *   in row-major order, batch first. An empty batch is a bug. Rejects where names, types or shapes do not fit the graph.
 * - `release`: frees the native memory; the model may not be used afterwards.
 */
export interface OnnxModel {
  run(inputs: Readonly<Record<string, ModelInput>>): Promise<Float32Array>;
  release(): Promise<void>;
}

/**
 * One thread and no thread pool: batches are small, and services share cores with the log. Memory patterns would be
 * planned anew for each batch size.
 */
const sessionOptions: InferenceSession.SessionOptions = {
  executionProviders: ['cpu'],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  executionMode: 'sequential',
  enableMemPattern: false,
  logSeverityLevel: 3,
};

/**
 * Reads a model, checks that it is the one that the manifest names, and only then hands it to the runtime.
 * @throws FirebreakError FB_MODEL_MISSING when the file cannot be read, FB_MODEL_ALTERED when its SHA-256 differs or the
 * runtime does not take it
 */
export async function loadModel({ url, sha256, output }: ModelSource): Promise<OnnxModel> {
  const path = fileURLToPath(url);
  const bytes = await readModel(path);
  const actual = createHash('sha256').update(bytes).digest('hex');
  if (actual !== sha256) {
    throw new FirebreakError(
      'FB_MODEL_ALTERED',
      `The model ${path} has the SHA-256 ${actual}, its manifest says ${sha256}: restore the file from the release, or train it anew.`,
    );
  }
  const session = await openSession(path, bytes);
  return {
    async run(inputs) {
      const tensors = Object.entries(inputs).map(([name, input]) => [name, toTensor(input)] as const);
      const results = await session.run(Object.fromEntries(tensors), [output]);
      const values = results[output]?.data;
      if (!(values instanceof Float32Array))
        throw new TypeError(`The output ${output} of ${path} is not float32`);
      return values;
    },
    release: () => session.release(),
  };
}

async function readModel(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new FirebreakError(
      'FB_MODEL_MISSING',
      `The model ${path} cannot be read (${isNativeError(cause) ? cause.message : String(cause)}): restore the file from the release, or train it with \`npm run train\`.`,
      { cause },
    );
  }
}

async function openSession(path: string, bytes: Buffer): Promise<InferenceSession> {
  // Else the runtime keeps a number of this device and a queue of events below HOME, to be uploaded to its maker.
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  try {
    return await InferenceSession.create(bytes, sessionOptions);
  } catch (cause) {
    throw new FirebreakError(
      'FB_MODEL_ALTERED',
      `The runtime does not take the model ${path}: restore the file from the release, or train it anew.`,
      { cause },
    );
  }
}

function toTensor({ values, shape }: ModelInput): Tensor {
  return values instanceof Int32Array
    ? new Tensor('int32', values, shape)
    : new Tensor('float32', values, shape);
}
