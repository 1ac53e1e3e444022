import type { Batch, BatchLimits } from '../log.ts';
import type { PartitionFeed } from './partition-feed.ts';

export interface FeedLoopOptions extends BatchLimits {
  /** What it throws ends the loop and is what `run` rejects with. */
  readonly handle: (batch: Batch) => Promise<void> | void;
  /** After every step, also where only a gap was passed. */
  readonly onMoved?: (position: number) => void;
  /** The feed may want more again. */
  readonly onRoom: () => void;
}

const defaultBatchRecords = 500;
const defaultBatchBytes = 1_048_576;

/** Hands out what a feed holds, one batch at a time, until it is stopped. */
export class FeedLoop {
  readonly feed: PartitionFeed;
  readonly #options: FeedLoopOptions;
  #isStopped = false;
  #wake: () => void = () => undefined;
  #handlingSinceMs: number | null = null;

  constructor(feed: PartitionFeed, options: FeedLoopOptions) {
    this.feed = feed;
    this.#options = options;
  }

  /** Resolves when it was stopped and the last handler has returned. */
  async run(): Promise<void> {
    const { handle, onMoved, onRoom } = this.#options;
    const { maxBatchRecords = defaultBatchRecords, maxBatchBytes = defaultBatchBytes } = this.#options;
    const { feed } = this;
    while (!this.#isStopped) {
      const hadRoom = feed.wantsMore;
      const batch = feed.isPaused ? null : feed.take(maxBatchRecords, maxBatchBytes);
      if (!hadRoom && feed.wantsMore) onRoom();
      if (batch !== null) {
        this.#handlingSinceMs = performance.now();
        await handle(batch);
        this.#handlingSinceMs = null;
      }
      onMoved?.(feed.position);
      if (!feed.hasMore || feed.isPaused) await this.#news();
    }
  }

  /** Whether what comes next is what follows the batch: the loop goes on, and no other position was sought. */
  isAt(end: number): boolean {
    return !this.#isStopped && this.feed.position === end;
  }

  /** For how long the handler that runs now has been running; 0 when none does. */
  get handlingMs(): number {
    return this.#handlingSinceMs === null ? 0 : performance.now() - this.#handlingSinceMs;
  }

  /** To be called when the feed got something, or was resumed. */
  wake(): void {
    this.#wake();
  }

  stop(): void {
    this.#isStopped = true;
    this.#wake();
  }

  async #news(): Promise<void> {
    if (!this.#isStopped) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}
