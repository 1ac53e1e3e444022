import { AbsentClassifier } from '../../classifiers/absent-classifier.ts';
import { wrongAnswer } from '../../classifiers/canaries.ts';
import type { ClassifierInput, ClassifierOutcome, Described } from '../../classifiers/classifier.ts';
import { DriftCounter } from '../../classifiers/drift.ts';
import type { OpenedVersion } from '../../classifiers/model-version.ts';
import type { VersionId } from '../../contracts/classifier-versions.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import { CachingScorer, type Scored } from './score-reports.ts';
import { warmUp } from './warm-up.ts';

/** An index rests on one to two hours of what was asked. */
const driftWindowMs = 3_600_000;

/**
 * One version of a classifier at work. It is asked for answers that are known, at its start and again and again; while
 * one is wrong it says nothing, which joins and decisions take for missing evidence.
 *
 *   speaking ──a canary is answered wrongly──▶ silent ──all are answered rightly──▶ speaking
 *   silent for good: its model could not be loaded
 */
export class ScoringVersion {
  readonly opened: OpenedVersion;
  readonly isShipped: boolean;
  readonly #scorer: CachingScorer;
  readonly #drift: DriftCounter | null;
  #silence: string | null;
  #running = 0;

  constructor(opened: OpenedVersion, isShipped: boolean, cacheEntries: number) {
    this.opened = opened;
    this.isShipped = isShipped;
    const { classifier, reference } = opened;
    const { described } = classifier;
    this.#drift =
      described === undefined || reference === null
        ? null
        : new DriftCounter(reference, described.names, driftWindowMs);
    this.#scorer = new CachingScorer(classifier, cacheEntries, (inputs, outcomes) => {
      if (described !== undefined) this.#count(described, inputs, outcomes);
    });
    this.#silence = opened.classifier instanceof AbsentClassifier ? opened.classifier.reason : null;
  }

  get id(): VersionId {
    return { version: this.opened.classifier.profile.version, digest: this.opened.digest };
  }

  /** Why it counts for nothing; null while it speaks. */
  get silence(): string | null {
    return this.#silence;
  }

  /** One score per report, in order; all `failed` while it is silent. */
  async score(reports: readonly AcceptedReport[], nowMs: number): Promise<Scored> {
    if (this.#silence !== null) return this.refuse(reports, this.#silence, nowMs);
    return this.#held(() => this.#scorer.score(reports, nowMs));
  }

  /** Nobody is asked: every report is told why. */
  refuse(reports: readonly AcceptedReport[], reason: string, nowMs: number): Scored {
    return this.#scorer.refuse(reports, reason, nowMs);
  }

  /** Population stability index of each feature and of the score; nothing where too little was asked. */
  drift(): ReadonlyMap<string, number> {
    return this.#drift?.indices(Date.now()) ?? new Map();
  }

  #count(
    described: Described,
    inputs: readonly ClassifierInput[],
    outcomes: readonly ClassifierOutcome[],
  ): void {
    if (this.#drift === null) return;
    const nowMs = Date.now();
    for (const [index, input] of inputs.entries()) {
      const outcome = outcomes[index];
      const values = outcome?.outcome === 'score' ? described.of(input) : null;
      if (values !== null && outcome?.outcome === 'score')
        this.#drift.count(values, outcome.probability, nowMs);
    }
  }

  /** Asks the canaries. @returns whether it fell silent or found its voice again */
  async check(): Promise<boolean> {
    const { classifier, canaries } = this.opened;
    if (classifier instanceof AbsentClassifier) return false;
    const before = this.#silence;
    this.#silence = await this.#held(() => wrongAnswer(classifier, canaries));
    return (before === null) !== (this.#silence === null);
  }

  warmUp(): Promise<void> {
    return warmUp(this.opened.classifier);
  }

  /** Lets go of the model, once nobody waits for it. */
  async close(): Promise<void> {
    while (this.#running > 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await this.opened.classifier.close();
  }

  async #held<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
    }
  }
}
