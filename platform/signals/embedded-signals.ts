import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { ArtifactSignals, SignalStep } from '../../contracts/signals.ts';
import { SignalState } from './signal-state.ts';
import type { Signals } from './signals.ts';

export interface EmbeddedSignalsOptions {
  /** Last states in the changelog of the artifacts that have one: what fell out of memory is read back from there. */
  readonly load: (keys: readonly ArtifactKey[]) => Promise<ReadonlyMap<ArtifactKey, unknown>>;
  /** States kept in memory beside those that the changelog does not hold yet. */
  readonly cacheEntries: number;
  readonly lookBackMs: number;
}

/**
 * Signals in the process. A working set in memory, least recently used first out; the changelog is the rest.
 *
 *   unknown ──touched──▶ loading ──read from the changelog──▶ clean ──folded──▶ dirty ──released──▶ clean ──evicted──▶ unknown
 *
 * Dirty states are never evicted: the changelog does not hold them yet.
 */
export class EmbeddedSignals implements Signals {
  readonly #options: EmbeddedSignalsOptions;
  readonly #states = new Map<ArtifactKey, SignalState>();
  /** Changes since the changelog held it, as a count that only grows; what was dumped at that count may be released. */
  readonly #dirty = new Map<ArtifactKey, number>();
  readonly #dumped = new Map<ArtifactKey, number>();
  #changes = 0;
  /** Loads under way: whoever needs the same artifact waits for the same one. */
  readonly #loading = new Map<ArtifactKey, Promise<void>>();

  constructor(options: EmbeddedSignalsOptions) {
    this.#options = options;
  }

  async fold(steps: readonly SignalStep[]): Promise<readonly ArtifactSignals[]> {
    await this.#bring(steps.map(({ key }) => key));
    const folded = steps.map((step) => {
      const state = this.#touch(step.key);
      if (step.sighting !== undefined || step.facts.length > 0) {
        state.fold(step);
        this.#dirty.set(step.key, (this.#changes += 1));
      }
      return state.snapshot(step.key, this.#options.lookBackMs);
    });
    this.#evict();
    return folded;
  }

  async read(keys: readonly ArtifactKey[]): Promise<readonly ArtifactSignals[]> {
    await this.#bring(keys);
    const read = keys.map((key) => this.#touch(key).snapshot(key, this.#options.lookBackMs));
    this.#evict();
    return read;
  }

  async dump(keys: readonly ArtifactKey[]): Promise<readonly unknown[]> {
    await this.#bring(keys);
    return keys.map((key) => {
      const changes = this.#dirty.get(key);
      if (changes !== undefined) this.#dumped.set(key, changes);
      return this.#touch(key).dump();
    });
  }

  async restore(states: readonly { readonly key: ArtifactKey; readonly state: unknown }[]): Promise<number> {
    await this.#bring(states.map(({ key }) => key));
    let broken = 0;
    for (const { key, state } of states) {
      if (this.#touch(key).merge(state)) this.#dirty.set(key, (this.#changes += 1));
      else broken += 1;
    }
    return broken;
  }

  /** Always: what is not in memory is read from the changelog. */
  isComplete(): Promise<boolean> {
    return Promise.resolve(true);
  }

  complete(): Promise<void> {
    return Promise.resolve();
  }

  release(keys: readonly ArtifactKey[]): void {
    for (const key of keys) {
      if (this.#dumped.get(key) === this.#dirty.get(key)) this.#dirty.delete(key);
      this.#dumped.delete(key);
    }
    this.#evict();
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#loading.values());
  }

  /** When it resolves, all of them are in memory until the caller awaits again. */
  async #bring(keys: readonly ArtifactKey[]): Promise<void> {
    for (;;) {
      const absent = [...new Set(keys)].filter((key) => !this.#states.has(key));
      if (absent.length === 0) return;
      const mine = absent.filter((key) => !this.#loading.has(key));
      if (mine.length > 0) {
        const load = this.#load(mine).finally(() => {
          for (const key of mine) this.#loading.delete(key);
        });
        for (const key of mine) this.#loading.set(key, load);
      }
      await Promise.all(absent.map((key) => this.#loading.get(key) ?? Promise.resolve()));
    }
  }

  async #load(keys: readonly ArtifactKey[]): Promise<void> {
    const dumped = await this.#options.load(keys);
    for (const key of keys) {
      const state = new SignalState();
      state.merge(dumped.get(key));
      this.#states.set(key, state);
    }
  }

  /** Moves it to the end of the order of eviction. */
  #touch(key: ArtifactKey): SignalState {
    const state = this.#states.get(key);
    if (state === undefined) throw new Error(`The signals of ${key} were not brought into memory.`);
    this.#states.delete(key);
    this.#states.set(key, state);
    return state;
  }

  #evict(): void {
    for (const key of this.#states.keys()) {
      if (this.#states.size - this.#dirty.size <= this.#options.cacheEntries) return;
      if (!this.#dirty.has(key)) this.#states.delete(key);
    }
  }
}
