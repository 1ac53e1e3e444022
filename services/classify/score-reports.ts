import type { Classifier, ClassifierInput, ClassifierOutcome } from '../../classifiers/classifier.ts';
import { inTurns } from '../../classifiers/in-turns.ts';
import { failed, resultOf } from '../../classifiers/outcome.ts';
import { toTimestamp } from '../../contracts/ids.ts';
import type { ClassifierScore } from '../../contracts/score.ts';
import type { AcceptedReport } from '../../contracts/records.ts';

export type OnComputed = (inputs: readonly ClassifierInput[], outcomes: readonly ClassifierOutcome[]) => void;

/** One score per report, in order. */
export interface Scored {
  readonly scores: readonly ClassifierScore[];
  /** How many inputs were computed; the others were known. */
  readonly inferences: number;
}

/**
 * One classifier with a memory of its answers. The key is a digest of what the classifier looks at, never the artifact
 * key: features are testimony, and one tenant's words must not answer for another's.
 */
export class CachingScorer {
  readonly #classifier: Classifier;
  readonly #entries: number;
  readonly #onComputed: OnComputed | undefined;
  readonly #cache = new Map<string, ClassifierOutcome>();

  /**
   * @param entries answers remembered, least recently used first out
   * @param onComputed told of every input that was not known
   */
  constructor(classifier: Classifier, entries: number, onComputed?: OnComputed) {
    this.#classifier = classifier;
    this.#entries = entries;
    this.#onComputed = onComputed;
  }

  /** One score per report, in order: equal inputs share one inference, and every report gets an answer. */
  async score(reports: readonly AcceptedReport[], nowMs: number): Promise<Scored> {
    const inputs = reports.map(({ report, evidence }): ClassifierInput => ({ report, evidence }));
    const keys = await inTurns(this.#keysOf(inputs));
    const fresh = new Map<string, ClassifierInput>();
    const answers = new Map<string, ClassifierOutcome>();
    for (const [index, key] of keys.entries()) {
      const cached = this.#cache.get(key);
      const input = inputs[index];
      if (cached !== undefined) answers.set(key, cached);
      else if (input !== undefined) fresh.set(key, input);
    }
    const outcomes = await this.#infer([...fresh.values()]);
    if (this.#onComputed !== undefined) this.#onComputed([...fresh.values()], outcomes);
    [...fresh.keys()].forEach((key, index) => answers.set(key, outcomes[index] ?? failed('no answer')));
    for (const [key, answer] of answers) this.#remember(key, answer);
    const scores = keys.map((key) => this.#toScore(answers.get(key) ?? failed('no answer'), nowMs));
    return { scores, inferences: fresh.size };
  }

  /** A report with hundreds of events takes a millisecond, another one a few microseconds: the clock tells when it is enough. */
  *#keysOf(inputs: readonly ClassifierInput[]): Generator<undefined, readonly string[], undefined> {
    const keys: string[] = [];
    for (const input of inputs) {
      keys.push(this.#classifier.cacheKey(input));
      yield;
    }
    return keys;
  }

  /** Nobody is asked: every report is told why. */
  refuse(reports: readonly AcceptedReport[], reason: string, nowMs: number): Scored {
    const outcome = failed(reason);
    return { scores: reports.map(() => this.#toScore(outcome, nowMs)), inferences: 0 };
  }

  /** A classifier that throws over a batch is asked one by one, so that one input does not silence it about the others. */
  async #infer(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]> {
    if (inputs.length === 0) return [];
    try {
      return await this.#classifier.score(inputs);
    } catch (error) {
      if (inputs.length === 1) return [failed(error instanceof Error ? error.message : String(error))];
      const outcomes: ClassifierOutcome[] = [];
      for (const input of inputs) outcomes.push(...(await this.#infer([input])));
      return outcomes;
    }
  }

  #remember(key: string, answer: ClassifierOutcome): void {
    this.#cache.delete(key);
    if (answer.outcome === 'failed') return;
    this.#cache.set(key, answer);
    if (this.#cache.size <= this.#entries) return;
    const [oldest] = this.#cache.keys();
    if (oldest !== undefined) this.#cache.delete(oldest);
  }

  #toScore(outcome: ClassifierOutcome, nowMs: number): ClassifierScore {
    const { id, version, featureSchemaVersion, baseRate, threshold, supportsOnly } = this.#classifier.profile;
    return {
      classifier: id,
      version,
      featureSchemaVersion,
      baseRate,
      threshold,
      ...(supportsOnly !== undefined && { supportsOnly }),
      scoredAt: toTimestamp(nowMs),
      result: resultOf(outcome),
    };
  }
}
