import { FirebreakError } from '../../../contracts/errors.ts';
import type { Batch, FollowOptions } from '../log.ts';
import type { Partition } from './partition.ts';
import { PartitionReader, type ReaderOptions } from './partition-reader.ts';

/** The readers without a group, so that closing the log can end them. */
export class Followers {
  readonly #options: Omit<ReaderOptions, 'position' | 'reset'>;
  readonly #readers = new Set<PartitionReader>();
  readonly #following = new Set<Promise<void>>();
  #isClosed = false;

  constructor(options: Omit<ReaderOptions, 'position' | 'reset'>) {
    this.#options = options;
  }

  /** @param readPage may throw, which ends the iteration */
  async *read(
    partition: Partition,
    from: number,
    until: number,
    readPage: ReaderOptions['readPage'],
  ): AsyncIterable<Batch> {
    const reader = this.#open(partition, { ...this.#options, position: from, reset: 'earliest', readPage });
    try {
      for (;;) {
        const batch = await reader.next(until);
        if (batch === undefined) break;
        if (batch.end <= until) yield batch;
        else yield { ...batch, records: batch.records.filter(({ offset }) => offset < until), end: until };
      }
      if (this.#isClosed) throw new FirebreakError('FB_NOT_READY', 'The log was closed.');
    } finally {
      this.#close(reader);
    }
  }

  async follow(partitions: readonly Partition[], options: FollowOptions): Promise<void> {
    const following = this.#follow(partitions, options);
    const settled = following.catch(() => undefined);
    this.#following.add(settled);
    await following.finally(() => this.#following.delete(settled));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const reader of this.#readers) reader.stop();
    await Promise.all(this.#following);
  }

  async #follow(partitions: readonly Partition[], options: FollowOptions): Promise<void> {
    const { from, signal, handle, onReached, maxBatchRecords, maxBatchBytes } = options;
    const limits = {
      ...(maxBatchRecords !== undefined && { maxBatchRecords }),
      ...(maxBatchBytes !== undefined && { maxBatchBytes }),
    };
    const readers = partitions.map((partition, index) => {
      return this.#open(partition, {
        ...this.#options,
        ...limits,
        position: from[index]?.offset ?? 0,
        reset: 'earliest',
      });
    });
    const stop = (): void => readers.forEach((reader) => reader.stop());
    signal.addEventListener('abort', stop);
    if (signal.aborted || this.#isClosed) stop();
    let missing = readers.length;
    const reached = (): void => void (--missing === 0 && onReached?.());
    const runs = readers.map(async (reader) => {
      try {
        await run(reader, handle, reached);
      } catch (error) {
        stop();
        throw error;
      }
    });
    const results = await Promise.allSettled(runs);
    signal.removeEventListener('abort', stop);
    readers.forEach((reader) => this.#close(reader));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  #open(partition: Partition, options: ReaderOptions): PartitionReader {
    const reader = new PartitionReader(partition, options);
    this.#readers.add(reader);
    return reader;
  }

  #close(reader: PartitionReader): void {
    reader.stop();
    this.#readers.delete(reader);
  }
}

/** Reads to the end that stands now, tells, and goes on until the reader is stopped. */
async function run(
  reader: PartitionReader,
  handle: FollowOptions['handle'],
  reached: () => void,
): Promise<void> {
  for (const until of [reader.partition.end, Infinity]) {
    for (;;) {
      const batch = await reader.next(until);
      if (batch === undefined) break;
      await handle(batch);
    }
    if (reader.isStopped) return;
    reached();
  }
}
