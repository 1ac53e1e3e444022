import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { ArtifactSignals, SignalStep } from '../../contracts/signals.ts';
import { SignalState } from './signal-state.ts';
import type { ChangelogState, RestoredState, Signals } from './signals.ts';

export interface EmbeddedSignalsOptions {
  /** Last states in the changelog of the artifacts that have one: what fell out of memory is read back from there. */
  readonly load: (keys: readonly ArtifactKey[]) => Promise<ReadonlyMap<ArtifactKey, ChangelogState>>;
  /** States kept in memory beside those that the changelog does not hold yet. */
  readonly cacheEntries: number;
  readonly lookBackMs: number;
  /** How long an artifact is known that nothing is folded of. */
  readonly retentionMs: number;
}

interface Kept {
  readonly state: SignalState;
  untilMs: number;
}

/**
 * Signals in the process. A working set in memory, least recently used first out; the changelog is the rest.
 *
 *   unknown ──touched──▶ loading ──read from the changelog──▶ clean ──folded──▶ dirty ──released──▶ clean ──evicted──▶ unknown
 *
 * Dirty states are never evicted: the changelog does not hold them yet. What is past its retention is unknown, wherever it lies.
 */
export class EmbeddedSignals implements Signals {
  readonly #options: EmbeddedSignalsOptions;
  readonly #states = new Map<ArtifactKey, Kept>();
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
      const kept = this.#touch(step.key);
      if (step.sighting !== undefined || step.facts.length > 0) {
        kept.state.fold(step);
        this.#keep(kept, Date.now());
        this.#dirty.set(step.key, (this.#changes += 1));
      }
      return kept.state.snapshot(step.key, this.#options.lookBackMs);
    });
    this.#evict();
    return folded;
  }

  async read(keys: readonly ArtifactKey[]): Promise<readonly ArtifactSignals[]> {
    await this.#bring(keys);
    const read = keys.map((key) => this.#touch(key).state.snapshot(key, this.#options.lookBackMs));
    this.#evict();
    return read;
  }

  async dump(keys: readonly ArtifactKey[]): Promise<readonly unknown[]> {
    await this.#bring(keys);
    return keys.map((key) => {
      const changes = this.#dirty.get(key);
      if (changes !== undefined) this.#dumped.set(key, changes);
      return this.#touch(key).state.dump();
    });
  }

  async restore(states: readonly RestoredState[]): Promise<number> {
    await this.#bring(states.map(({ key }) => key));
    let broken = 0;
    for (const { key, state, writtenMs } of states) {
      if (this.#isForgotten(writtenMs)) continue;
      const kept = this.#touch(key);
      if (kept.state.merge(state)) {
        this.#keep(kept, writtenMs);
        this.#dirty.set(key, (this.#changes += 1));
      } else broken += 1;
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
      const kept = unknown();
      const held = dumped.get(key);
      if (held !== undefined && kept.state.merge(held.state)) this.#keep(kept, held.writtenMs);
      this.#states.set(key, kept);
    }
  }

  /** Moves it to the end of the order of eviction. What is past its retention begins anew. */
  #touch(key: ArtifactKey): Kept {
    const found = this.#states.get(key);
    if (found === undefined) throw new Error(`The signals of ${key} were not brought into memory.`);
    const kept = found.untilMs > Date.now() ? found : unknown();
    this.#states.delete(key);
    this.#states.set(key, kept);
    return kept;
  }

  #keep(kept: Kept, fromMs: number): void {
    kept.untilMs = Math.max(kept.untilMs, fromMs + this.#options.retentionMs);
  }

  #isForgotten(writtenMs: number): boolean {
    return writtenMs + this.#options.retentionMs <= Date.now();
  }

  #evict(): void {
    for (const key of this.#states.keys()) {
      if (this.#states.size - this.#dirty.size <= this.#options.cacheEntries) return;
      if (!this.#dirty.has(key)) this.#states.delete(key);
    }
  }
}

function unknown(): Kept {
  return { state: new SignalState(), untilMs: -Infinity };
}
