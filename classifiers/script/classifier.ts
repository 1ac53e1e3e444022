import { canonicalScript, sha256Hex } from '../../contracts/canonical.ts';
import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Report } from '../../contracts/report.ts';
import type { ScoreEvidence } from '../../contracts/score.ts';
import { calibrate, type Calibration } from '../calibration.ts';
import type { Classifier, ClassifierInput, ClassifierOutcome } from '../classifier.ts';
import { openModelOf } from '../model-manifest.ts';
import { inTurns } from '../in-turns.ts';
import type { OpenModel, ScoringModel } from '../scoring-model.ts';
import { capabilityNames, tacticOf } from './capabilities.ts';
import {
  CAPABILITY_ROWS_FROM,
  FEATURE_SCHEMA_VERSION,
  LEAST_ROWS,
  readFeatures,
  type ScriptWindow,
} from './features.ts';
import { isOtherLanguage } from './language.ts';
import { publicInstaller } from './public-installer.ts';

/** Fewer tokens say nothing. */
const leastTokens = 4;
/** Windows of one run of the model: bounds its memory and its time. */
const windowsPerRun = 256;
const shownCharacters = 140;

interface Reading {
  readonly text: string;
  readonly windows: readonly ScriptWindow[];
  /** Why there is nothing to judge. */
  readonly silence: string | undefined;
}

/**
 * PowerShell as a witness: the worst of the script's windows is its score. All that it looks at is the text, so its word is
 * content evidence wherever the service has the whole text.
 */
export class ScriptClassifier implements Classifier {
  readonly profile: ClassifierProfile;
  readonly #model: ScoringModel;
  readonly #calibration: Calibration;

  constructor(profile: ClassifierProfile, model: ScoringModel, calibration: Calibration) {
    if (profile.featureSchemaVersion !== FEATURE_SCHEMA_VERSION) {
      throw new TypeError(
        `The script model reads feature schema ${profile.featureSchemaVersion}, this is ${FEATURE_SCHEMA_VERSION}`,
      );
    }
    this.profile = profile;
    this.#model = model;
    this.#calibration = calibration;
  }

  cacheKey({ report, evidence }: ClassifierInput): string {
    const { text } = report.artifact;
    return sha256Hex(JSON.stringify([evidence, text ?? null, isOtherLanguage(report)]));
  }

  async score(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]> {
    const readings = await inTurns(readAll(inputs));
    const scores = await this.#run(readings.flatMap(({ windows }) => windows));
    let next = 0;
    return readings.map((reading, index) => {
      const mine = scores.slice(next, (next += reading.windows.length));
      return reading.silence === undefined
        ? this.#outcome(reading, mine, inputs[index]?.evidence === 'content')
        : { outcome: 'abstained', reason: reading.silence };
    });
  }

  close(): Promise<void> {
    return this.#model.release();
  }

  #outcome({ text, windows }: Reading, scores: readonly number[], vouched: boolean): ClassifierOutcome {
    const worst = scores.indexOf(Math.max(...scores));
    const probability = calibrate(scores[worst] ?? 0, this.#calibration);
    const window = windows[worst];
    const isEvidence = window !== undefined && probability >= this.profile.threshold;
    return {
      outcome: 'score',
      probability,
      contentProbability: vouched ? probability : null,
      evidence: isEvidence ? [evidenceOf(text, window, vouched)] : [],
    };
  }

  /** @returns log-odds of each window */
  async #run(windows: readonly ScriptWindow[]): Promise<readonly number[]> {
    const scores: number[] = [];
    for (let from = 0; from < windows.length; from += windowsPerRun)
      scores.push(...(await this.#runSome(windows.slice(from, from + windowsPerRun))));
    return scores;
  }

  async #runSome(windows: readonly ScriptWindow[]): Promise<Float32Array> {
    const tokens = Math.max(1, ...windows.map(({ rows, capabilities }) => rows.length + capabilities.length));
    const rows = new Int32Array(windows.length * tokens);
    const scales = new Float32Array(windows.length * 2);
    windows.forEach((window, index) => {
      rows.set(window.rows, index * tokens);
      rows.set(window.capabilities, index * tokens + window.rows.length);
      scales.set([1 / Math.sqrt(Math.max(window.rows.length, LEAST_ROWS)), 1], index * 2);
    });
    return this.#model.run({
      rows: { values: rows, shape: [windows.length, tokens] },
      scales: { values: scales, shape: [windows.length, 2] },
    });
  }
}

function* readAll(inputs: readonly ClassifierInput[]): Generator<undefined, readonly Reading[], undefined> {
  const readings: Reading[] = [];
  for (const { report } of inputs) {
    readings.push(yield* read(report));
    yield;
  }
  return readings;
}

function* read(report: Report): Generator<undefined, Reading, undefined> {
  const text = canonicalScript(report.artifact.text ?? '');
  const silent = (silence: string): Reading => ({ text, windows: [], silence });
  if (text.trim() === '') return silent('The report has no text of the script.');
  if (isOtherLanguage(report)) return silent('The text is no PowerShell; rules judge other languages.');
  const installer = publicInstaller(text);
  if (installer !== undefined) return silent(`The text is the documented start of ${installer}'s installer.`);
  const { tokens, windows } = yield* readFeatures(text);
  if (tokens < leastTokens) return silent('So few words say nothing.');
  return { text, windows, silence: undefined };
}

/** Names the window by its lines, what it can do, and how it begins. */
function evidenceOf(
  text: string,
  { start, end, capabilities }: ScriptWindow,
  content: boolean,
): ScoreEvidence {
  const names = capabilities.flatMap((row) => capabilityNames[row - CAPABILITY_ROWS_FROM] ?? []);
  const does = names.length === 0 ? '' : ` (${names.slice(0, 6).join(', ')})`;
  const begins = text
    .slice(start, start + 4 * shownCharacters)
    .replace(/\s+/gu, ' ')
    .slice(0, shownCharacters);
  const lines = [lineAt(text, start), lineAt(text, Math.max(start, end - 1))];
  const tactic = tacticOf(names);
  return {
    code: 'window',
    title: `Hostile passage, lines ${lines.join('–')}${does}: ${begins}`.slice(0, 300),
    content,
    ...(tactic !== undefined && { tactic }),
  };
}

function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf('\n'); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) line++;
  return line;
}

/**
 * Opens the model of a folder, the one beside this file unless told otherwise.
 * @throws FirebreakError FB_MODEL_MISSING or FB_MODEL_ALTERED
 */
export async function createScriptClassifier(
  openModel: OpenModel,
  folder: URL = new URL('./', import.meta.url),
): Promise<ScriptClassifier> {
  const { profile, model, calibration } = await openModelOf(folder, openModel, ['content']);
  return new ScriptClassifier(profile, model, calibration.content);
}
