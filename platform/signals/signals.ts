import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { ArtifactSignals, SignalStep } from '../../contracts/signals.ts';

/** What the changelog holds of an artifact. */
export interface ChangelogState {
  /** As `dump` gave it. */
  readonly state: unknown;
  /** When the changelog got it, epoch milliseconds. */
  readonly writtenMs: number;
}

export interface RestoredState extends ChangelogState {
  readonly key: ArtifactKey;
}

/**
 * What the service knows of artifacts beyond one report, as a view: whatever is lost here is rebuilt from the changelog
 * and the tail of the log. Every step is atomic and idempotent, so a replay changes nothing.
 *
 *   partition: incomplete ──the owner restores its changelog, then `complete`──▶ complete ──the store loses it──▶ incomplete
 *
 * An incomplete partition tells nothing: what it does not know would pass for unknown, and a dump of that would
 * overwrite the last good state in the changelog.
 *
 * What nobody sees or testifies about is forgotten: an artifact is unknown once no step has told anything of it for the
 * retention. What is restored counts from when the changelog got it, so a restored store forgets when the lost one would
 * have. Which partitions are complete is not forgotten.
 */
export interface Signals {
  /**
   * Folds the steps in order, in few round trips, and returns the state of each step's artifact after its step.
   *
   * @throws FB_SIGNALS_UNAVAILABLE when the store is away or a partition of a step is incomplete. Of each step, all or
   * nothing was folded then, or will be once a server that was silent goes on; of those of an incomplete partition,
   * nothing. The caller may fold all of them again, in any order
   */
  fold(steps: readonly SignalStep[]): Promise<readonly ArtifactSignals[]>;

  /**
   * The states of these artifacts, in order; of an unknown one the empty state.
   *
   * @throws FB_SIGNALS_UNAVAILABLE when the store is away or a partition of a key is incomplete
   */
  read(keys: readonly ArtifactKey[]): Promise<readonly ArtifactSignals[]>;

  /**
   * What the changelog keeps of each artifact: a JSON value that `restore` of any implementation takes. Null: nothing is known.
   *
   * @throws FB_SIGNALS_UNAVAILABLE when the store is away or a partition of a key is incomplete
   */
  dump(keys: readonly ArtifactKey[]): Promise<readonly unknown[]>;

  /**
   * Merges dumped states into what is there, complete or not. One that is past its retention is left out. A broken state
   * is skipped; the number of those is returned.
   *
   * @throws FB_SIGNALS_UNAVAILABLE when the store is away, or lost what was restored into an incomplete partition before:
   * the owner begins again
   */
  restore(states: readonly RestoredState[]): Promise<number>;

  /**
   * Whether the store has everything that the changelog of this log partition holds.
   *
   * @throws FB_SIGNALS_UNAVAILABLE when the store is away
   */
  isComplete(partition: number): Promise<boolean>;

  /**
   * Says that all that the changelog of this log partition holds was restored.
   *
   * @throws FB_SIGNALS_UNAVAILABLE when the store is away, or lost what was restored: the owner begins again
   */
  complete(partition: number): Promise<void>;

  /** The changelog holds these as they were dumped: they need not stay in memory. */
  release(keys: readonly ArtifactKey[]): void;

  /** Lets go of the store. Calls that have not ended reject. */
  close(): Promise<void>;
}
