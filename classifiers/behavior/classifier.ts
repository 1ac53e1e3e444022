import { canonicalCommandLine, sha256Hex } from '../../contracts/canonical.ts';
import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Report } from '../../contracts/report.ts';
import type { ScoreEvidence } from '../../contracts/score.ts';
import { calibrate, type Calibration } from '../calibration.ts';
import type { Classifier, ClassifierInput, ClassifierOutcome, Described } from '../classifier.ts';
import { openModelOf } from '../model-manifest.ts';
import { oncePerReport } from '../once-per-report.ts';
import type { OpenModel, ScoringModel } from '../scoring-model.ts';
import { contextViews, extractFeatures, FEATURE_SCHEMA_VERSION, type BehaviorFeatures } from './features.ts';
import { lineageException } from './lineage-exceptions.ts';
import { observedProcesses, type ObservedProcess } from './process-context.ts';

/** In the order of the model's columns: the text alone, and beside it the context as far as it is known. */
const views = ['content', ...contextViews] as const;
type View = (typeof views)[number];

/** How each view turns its log-odds into a probability. */
export type BehaviorCalibration = Readonly<Record<View, Calibration>>;

/** Log-odds of one process by view. */
type ViewScores = Readonly<Record<View, number>>;

interface Judged {
  readonly process: ObservedProcess;
  readonly features: BehaviorFeatures;
  /** Else its text is the name of a program and no wording. */
  readonly hasArguments: boolean;
}

interface Reading {
  /** Not what a lineage exception covers. */
  readonly judged: readonly Judged[];
  /** Why there is nothing to judge. */
  readonly silence: string | undefined;
}

const nothingObserved = 'The report names no process whose behaviour speaks about the artifact.';
const nothingSaid = 'A program without arguments says nothing where nobody knows what started it.';
const shownCharacters = 200;

/**
 * Command lines in their process context as a witness. The text of a command-line artifact is content; image, parent and
 * lineage are testimony. Of a file it judges what its own process and the processes below did: all testimony.
 */
export class BehaviorClassifier implements Classifier {
  readonly profile: ClassifierProfile;
  readonly described: Described = {
    names: ['processes', 'words', 'context', 'lineage'],
    of: ({ report }) => describe(readOnce(report)),
  };
  readonly #model: ScoringModel;
  readonly #calibration: BehaviorCalibration;

  constructor(profile: ClassifierProfile, model: ScoringModel, calibration: BehaviorCalibration) {
    if (profile.featureSchemaVersion !== FEATURE_SCHEMA_VERSION) {
      throw new TypeError(
        `The behavior model reads feature schema ${profile.featureSchemaVersion}, this is ${FEATURE_SCHEMA_VERSION}`,
      );
    }
    this.profile = profile;
    this.#model = model;
    this.#calibration = calibration;
  }

  cacheKey({ report, evidence }: ClassifierInput): string {
    return sha256Hex(JSON.stringify([evidence, report.artifact.kind, observedOnce(report)]));
  }

  async score(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]> {
    const readings = inputs.map(({ report }) => readOnce(report));
    const scores = await this.#run(readings.flatMap(({ judged }) => judged.map(({ features }) => features)));
    let next = 0;
    return readings.map(({ judged, silence }, index) => {
      const mine = scores.slice(next, (next += judged.length));
      const input = inputs[index];
      return input === undefined || silence !== undefined
        ? { outcome: 'abstained', reason: silence ?? nothingObserved }
        : this.#outcome(input, judged, mine);
    });
  }

  close(): Promise<void> {
    return this.#model.release();
  }

  /** The most suspicious process decides. Wording that condemns itself condemns in every context. */
  #outcome(
    { report, evidence }: ClassifierInput,
    judged: readonly Judged[],
    scores: readonly ViewScores[],
  ): ClassifierOutcome {
    const all = judged.map(({ process, features, hasArguments }, index) => {
      const by = (view: View) => calibrate(scores[index]?.[view] ?? 0, this.#calibration[view]);
      const text = hasArguments ? by('content') : null;
      const inContext = features.context.length === 0 ? 0 : by(features.view);
      const whole = Math.max(text ?? 0, inContext);
      return { process, text, whole };
    });
    const worst = all.reduce((a, b) => (b.whole > a.whole ? b : a));
    const vouched = evidence === 'content' && report.artifact.kind === 'command-line';
    return {
      outcome: 'score',
      probability: worst.whole,
      contentProbability: vouched ? worst.text : null,
      evidence: [...this.#textEvidence(worst, vouched), ...this.#contextEvidence(worst)],
    };
  }

  #textEvidence(
    { process, text }: { process: ObservedProcess; text: number | null },
    vouched: boolean,
  ): readonly ScoreEvidence[] {
    if (text === null || text < this.profile.threshold) return [];
    return [
      { code: 'command-line', title: `Hostile wording: ${shortened(process.commandLine)}`, content: vouched },
    ];
  }

  #contextEvidence({
    process,
    whole,
  }: {
    process: ObservedProcess;
    whole: number;
  }): readonly ScoreEvidence[] {
    if (whole < this.profile.threshold) return [];
    const path = [process.executable, ...process.lineage.map(({ executable }) => executable)];
    const names = path.flatMap((executable) =>
      executable === undefined ? [] : [executable.slice(executable.lastIndexOf('\\') + 1)],
    );
    return names.length === 0
      ? []
      : [
          {
            code: 'lineage',
            title: `In this lineage, nearest first: ${shortened(names.join(' < '))}`,
            content: false,
          },
        ];
  }

  async #run(items: readonly BehaviorFeatures[]): Promise<readonly ViewScores[]> {
    if (items.length === 0) return [];
    const tokens = Math.max(1, ...items.map(({ content, context }) => content.length + context.length));
    const rows = new Int32Array(items.length * tokens);
    const scales = new Float32Array(items.length * views.length);
    items.forEach(({ content, context }, index) => {
      rows.set(content, index * tokens);
      rows.set(context, index * tokens + content.length);
      const whole = scaleOf(content.length + context.length);
      scales.set([scaleOf(content.length), ...contextViews.map(() => whole)], index * views.length);
    });
    const scores = await this.#model.run({
      rows: { values: rows, shape: [items.length, tokens] },
      scales: { values: scales, shape: [items.length, views.length] },
    });
    return items.map((_, index) => {
      const score = (view: number) => scores[index * views.length + view] ?? 0;
      return { content: score(0), partial: score(1), placed: score(2), full: score(3) };
    });
  }
}

function read(report: Report): Reading {
  const observed = observedOnce(report);
  const exceptions = observed.map((process) => lineageException(process));
  const judged = observed
    .filter((_, index) => exceptions[index] === undefined)
    .map((process): Judged => ({
      process,
      features: extractFeatures(process),
      hasArguments: hasArguments(process),
    }));
  const telling = judged.filter((each) => each.hasArguments || isStarterKnown(each.process));
  if (telling.length > 0) return { judged: telling, silence: undefined };
  const [exception] = exceptions;
  const excepted = exception && `${exception.id}: ${exception.reason}`;
  return { judged: [], silence: judged.length > 0 ? nothingSaid : (excepted ?? nothingObserved) };
}

const observedOnce = oncePerReport(observedProcesses);
const readOnce = oncePerReport(read);

/** A bag of words has no features to be told one by one: how much there is of what, of the first process. */
function describe({ judged }: Reading): readonly number[] | null {
  const [first] = judged;
  if (first === undefined) return null;
  const { features, process } = first;
  return [judged.length, features.content.length, features.context.length, process.lineage.length];
}

/** The name of a program is no wording: whoever blocks `cmd.exe` for its name alone blocks everybody's. */
function hasArguments({ commandLine }: ObservedProcess): boolean {
  return (
    canonicalCommandLine(commandLine)
      .replace(/^(?:"[^"]*"|\S+)/, '')
      .trim() !== ''
  );
}

function isStarterKnown({ lineage: [parent] }: ObservedProcess): boolean {
  return parent?.executable !== undefined;
}

/** The sum over a bag of tokens is divided by the root of its size, so that length alone does not decide. */
function scaleOf(size: number): number {
  return 1 / Math.sqrt(Math.max(size, 1));
}

function shortened(text: string): string {
  return text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters - 1)}…`;
}

/**
 * Opens the model of a folder, which is that beside this file unless another is given.
 * @throws FirebreakError FB_MODEL_MISSING or FB_MODEL_ALTERED
 */
export async function createBehaviorClassifier(
  openModel: OpenModel,
  folder: URL = new URL('./', import.meta.url),
): Promise<BehaviorClassifier> {
  const { profile, model, calibration } = await openModelOf(folder, openModel, views);
  return new BehaviorClassifier(profile, model, calibration);
}
