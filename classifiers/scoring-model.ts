/** What a classifier needs of a model runtime. `platform/onnx/model.ts` fits; services hand it in. */
export interface ModelInput {
  /** Row-major; `shape` multiplies to their number. */
  readonly values: Float32Array | Int32Array;
  readonly shape: readonly number[];
}

export interface ScoringModel {
  /** Takes every input of the graph by name, batch first; answers the output's values, batch first. */
  run(inputs: Readonly<Record<string, ModelInput>>): Promise<Float32Array>;
  release(): Promise<void>;
}

/** Opens a model file after checking its SHA-256; rejects with FB_MODEL_MISSING or FB_MODEL_ALTERED. */
export type OpenModel = (source: {
  readonly url: URL;
  readonly sha256: string;
  readonly output: string;
}) => Promise<ScoringModel>;
