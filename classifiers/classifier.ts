import type { ClassifierProfile } from '../contracts/classifier-profile.ts';
import type { EvidenceKind } from '../contracts/domain.ts';
import type { ScoreEvidence } from '../contracts/score.ts';
import type { Report } from '../contracts/report.ts';

/** What a classifier sees: the report, its canonical facts, and who vouches for the artifact's own content. */
export interface ClassifierInput {
  readonly report: Report;
  /** `content` when the service itself computed the digest of the artifact's text. */
  readonly evidence: EvidenceKind;
}

/**
 * One classifier's answer for one input.
 * - `score`: `probability` is calibrated over everything that the classifier saw; `contentProbability` over the
 *   artifact's own content alone, null where it saw none that the service can vouch for. Both lie in [0, 1].
 * - `abstained`: it has nothing to say about such an input; not an error.
 * - `failed`: it should have answered and could not.
 */
export type ClassifierOutcome =
  | {
      readonly outcome: 'score';
      readonly probability: number;
      readonly contentProbability: number | null;
      readonly evidence: readonly ScoreEvidence[];
      /** Weak by construction (packed or installer stub): the engine caps it. The reason stands in `evidence`. */
      readonly capped?: boolean;
    }
  | { readonly outcome: 'abstained'; readonly reason: string }
  | { readonly outcome: 'failed'; readonly reason: string };

/** One witness. It is created once, scores batches, and keeps no state between them that changes an answer. */
export interface Classifier {
  readonly profile: ClassifierProfile;
  /** Short digest of all that determines the answer: equal inputs share one inference. Never the artifact key, which is somebody's word. */
  cacheKey(input: ClassifierInput): string;
  /** One outcome per input, in order. Rejects only on a bug; an input that cannot be scored is `failed`. */
  score(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]>;
  close(): Promise<void>;
  /** Numbers that describe what it is asked, for telling whether that changes over time. */
  readonly described?: Described;
}

export interface Described {
  readonly names: readonly string[];
  /** @returns one number for each name, negative where it is missing; null where the input has none. Cheap where the input was scored a moment ago. */
  of(input: ClassifierInput): ArrayLike<number> | null;
}
