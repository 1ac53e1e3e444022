import { setImmediate as immediate } from 'node:timers/promises';
import type { Batch, BatchLimits, StoredRecord } from '../log.ts';
import { recordBytes, type Partition } from './partition.ts';

/** The records of one page of the database: everything from `from` to `end` that is still there. */
export interface RecordPage {
  readonly records: readonly StoredRecord[];
  readonly end: number;
}

export interface ReaderOptions extends BatchLimits {
  readonly position: number;
  /** Where to go on when the position is no longer, or not yet, in the log. */
  readonly reset: 'earliest' | 'latest';
  /** Undefined when the database is away; it is asked again. */
  readonly readPage: (partition: Partition, from: number) => Promise<RecordPage | undefined>;
  /** Retention overtook the reader. */
  readonly onSkipped: (partition: Partition, from: number, to: number) => void;
}

const defaultBatchRecords = 500;
const defaultBatchBytes = 1_048_576;
const firstPauseMs = 50;
const longestPauseMs = 1_000;

/**
 * A position in one partition and what comes next there: from memory where the tail reaches back far enough, page by
 * page from the database where not. A reader that is slower than the writer falls from one to the other and back.
 */
export class PartitionReader {
  readonly partition: Partition;
  readonly #options: ReaderOptions;
  #position: number;
  #page: (RecordPage & { next: number }) | undefined;
  #isPaused = false;
  #isStopped = false;
  #hasDelivered = false;
  #wake: (() => void) | undefined;
  readonly #listener = (): void => this.#wake?.();

  constructor(partition: Partition, options: ReaderOptions) {
    this.partition = partition;
    this.#options = options;
    this.#position = options.position;
    partition.listeners.add(this.#listener);
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  get position(): number {
    return this.#position;
  }

  /**
   * Waits for the next batch and moves the position behind it.
   *
   * @param until where the caller wants to be told: nothing is waited for there or beyond
   * @returns undefined at `until`, and when the reader was stopped
   */
  async next(until = Infinity): Promise<Batch | undefined> {
    while (!this.#isStopped) {
      this.#reset();
      if (this.#position >= until) return undefined;
      if (this.#isPaused || this.#position >= this.partition.end) await this.#changed();
      else if (this.#hasDelivered) await this.#yield();
      else {
        const batch = this.#fromMemory() ?? this.#fromPage();
        if (batch !== undefined) return batch;
        await this.#fetch();
      }
    }
    return undefined;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#wake?.();
  }

  seek(offset: number): void {
    this.#position = offset;
    this.#page = undefined;
    this.#wake?.();
  }

  stop(): void {
    this.#isStopped = true;
    this.partition.listeners.delete(this.#listener);
    this.#wake?.();
  }

  async #changed(): Promise<void> {
    await new Promise<void>((resolve) => (this.#wake = resolve));
    this.#wake = undefined;
    this.#hasDelivered = false;
  }

  /** A reader with much to read lets everybody else have a turn between two batches. */
  async #yield(): Promise<void> {
    await immediate();
    this.#hasDelivered = false;
  }

  #reset(): void {
    const { start, end, isCompacted } = this.partition;
    const isLost = this.#position < start && !isCompacted;
    if (!isLost && this.#position <= end) return;
    const to = this.#options.reset === 'earliest' ? start : end;
    if (isLost) this.#options.onSkipped(this.partition, this.#position, to);
    this.#position = to;
  }

  #fromMemory(): Batch | undefined {
    const { maxBatchRecords = defaultBatchRecords, maxBatchBytes = defaultBatchBytes } = this.#options;
    const records = this.partition.take(this.#position, maxBatchRecords, maxBatchBytes);
    if (records === undefined) return undefined;
    this.#page = undefined;
    return this.#deliver(records, (records.at(-1)?.offset ?? 0) + 1);
  }

  #fromPage(): Batch | undefined {
    const page = this.#page;
    if (page === undefined) return undefined;
    const { maxBatchRecords = defaultBatchRecords, maxBatchBytes = defaultBatchBytes } = this.#options;
    const records: StoredRecord[] = [];
    let bytes = 0;
    for (; page.next < page.records.length; page.next++) {
      const record = page.records[page.next];
      if (record === undefined || record.offset < this.#position) continue;
      bytes += recordBytes(record);
      if (records.length > 0 && (records.length >= maxBatchRecords || bytes > maxBatchBytes)) break;
      records.push(record);
    }
    const isLast = page.next >= page.records.length;
    if (isLast) this.#page = undefined;
    const end = isLast ? page.end : (records.at(-1)?.offset ?? 0) + 1;
    if (records.length > 0) return this.#deliver(records, end);
    this.#position = Math.max(this.#position, end);
    return undefined;
  }

  #deliver(records: readonly StoredRecord[], end: number): Batch {
    this.#position = end;
    this.#hasDelivered = true;
    return { topic: this.partition.topic, partition: this.partition.index, records, end };
  }

  async #fetch(): Promise<void> {
    const from = this.#position;
    let pauseMs = firstPauseMs;
    while (!this.#isStopped && this.#position === from) {
      const page = await this.#options.readPage(this.partition, from);
      if (page === undefined) {
        await this.#sleep(pauseMs);
        pauseMs = Math.min(2 * pauseMs, longestPauseMs);
        continue;
      }
      // Not when a seek came between.
      if (this.#position === from) this.#page = { ...page, next: 0 };
      return;
    }
  }

  /** Ends early when there is news. */
  async #sleep(pauseMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = undefined;
  }
}
