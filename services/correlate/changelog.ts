import type { ArtifactKey } from '../../contracts/artifact.ts';
import { topics } from '../../contracts/topics.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { Signals } from '../../platform/signals/signals.ts';
import type { WorkOffsets } from './partition-offsets.ts';

interface Dirty {
  /** When it may be written: at once for one that was not written lately. */
  dueMs: number;
  /** What waits until the changelog holds it. No more than its offsets: it may wait for a minute. */
  readonly waiting: WorkOffsets[];
}

export interface ChangelogOptions {
  readonly log: Pick<TopicLog, 'append'>;
  readonly signals: Pick<Signals, 'dump' | 'release'>;
  /** An artifact is written at most once in this time. */
  readonly intervalMs: number;
  /** Told once the changelog holds what the work folded. */
  readonly settled: (work: WorkOffsets) => void;
}

/**
 * Writes the changelog of the signals: a dirty artifact at most once in the interval, and all of them at drain. What a
 * fold came from is settled only then, so a crash replays what the changelog does not hold.
 */
export class Changelog {
  readonly #options: ChangelogOptions;
  readonly #dirty = new Map<ArtifactKey, Dirty>();
  /** When each artifact was last written, for those within the interval. */
  readonly #writtenMs = new Map<ArtifactKey, number>();

  constructor(options: ChangelogOptions) {
    this.#options = options;
  }

  touch(key: ArtifactKey, work: WorkOffsets, nowMs: number): void {
    const dirty = this.#dirty.get(key);
    if (dirty !== undefined) {
      dirty.waiting.push(work);
      return;
    }
    const writtenMs = this.#writtenMs.get(key);
    const dueMs = writtenMs === undefined ? nowMs : writtenMs + this.#options.intervalMs;
    this.#dirty.set(key, { dueMs, waiting: [work] });
  }

  /** Writes what is due, in portions. @throws what the log or the signals throw; nothing is settled then */
  async write(nowMs: number, all = false): Promise<number> {
    for (const [key, writtenMs] of this.#writtenMs) {
      if (writtenMs > nowMs - this.#options.intervalMs) break;
      this.#writtenMs.delete(key);
    }
    const due = [...this.#dirty].filter(([, dirty]) => all || dirty.dueMs <= nowMs).map(([key]) => key);
    for (let at = 0; at < due.length; at += portion)
      await this.#writePortion(due.slice(at, at + portion), nowMs);
    return due.length;
  }

  async #writePortion(keys: readonly ArtifactKey[], nowMs: number): Promise<void> {
    const { log, signals, settled } = this.#options;
    // Taken before the dump: what is folded from here on belongs to the next time the artifact is written.
    const taken = keys.map((key) => [key, this.#dirty.get(key)] as const);
    for (const key of keys) this.#dirty.delete(key);
    try {
      const states = await signals.dump(keys);
      const records = keys.map((artifactKey, index) => ({ artifactKey, state: states[index] ?? null }));
      await log.append(topics.signals, records);
    } catch (error) {
      for (const [key, dirty] of taken) if (dirty !== undefined) this.#takeBack(key, dirty);
      throw error;
    }
    signals.release(keys);
    for (const key of keys) {
      this.#writtenMs.delete(key);
      this.#writtenMs.set(key, nowMs);
    }
    for (const [, dirty] of taken) for (const work of dirty?.waiting ?? []) settled(work);
  }

  #takeBack(key: ArtifactKey, dirty: Dirty): void {
    const since = this.#dirty.get(key);
    if (since !== undefined) dirty.waiting.push(...since.waiting);
    this.#dirty.set(key, dirty);
  }
}

/** States in one append: a few hundred kilobytes. */
const portion = 500;
