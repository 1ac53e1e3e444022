import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { ArtifactSignals, SignalStep } from '../../contracts/signals.ts';

/**
 * What the service knows of artifacts beyond one report, as a view: whatever is lost here is rebuilt from the changelog
 * and the tail of the log. Every step is atomic and idempotent, so a replay changes nothing.
 */
export interface Signals {
  /**
   * Folds the steps in order, in few round trips, and returns the state of each step's artifact after its step.
   *
   * @throws FB_SIGNALS_UNAVAILABLE when the store is away; nothing or all of a step was folded
   */
  fold(steps: readonly SignalStep[]): Promise<readonly ArtifactSignals[]>;

  /** The states of these artifacts, in order; of an unknown one the empty state. */
  read(keys: readonly ArtifactKey[]): Promise<readonly ArtifactSignals[]>;

  /** What the changelog keeps of each artifact: a JSON value that `restore` of any implementation takes. Null: nothing is known. */
  dump(keys: readonly ArtifactKey[]): Promise<readonly unknown[]>;

  /** Merges dumped states into what is there. A broken state is skipped; the number of those is returned. */
  restore(states: readonly { readonly key: ArtifactKey; readonly state: unknown }[]): Promise<number>;

  /** The changelog holds these as they were dumped: they need not stay in memory. */
  release(keys: readonly ArtifactKey[]): void;

  close(): Promise<void>;
}
