import type { StoredRecord } from '../log.ts';

/** What one partition got in one flush, in memory. */
export interface TailBatch {
  readonly base: number;
  readonly end: number;
  /** Keys and values; what the objects take comes on top. */
  readonly bytes: number;
  readonly records: readonly StoredRecord[];
}

/** Takes the place of a batch that was forgotten. */
const forgotten: TailBatch = { base: -1, end: -1, bytes: 0, records: [] };

/**
 * One partition as the process sees it: where it begins and ends, its newest batches (the ones right before the end,
 * without a hole), and who wants to know when it grows.
 */
export class Partition {
  readonly topic: string;
  readonly topicId: number;
  readonly index: number;
  readonly isCompacted: boolean;
  /** The oldest offset that can be read; 0 for ever in compacted topics. */
  start = 0;
  end = 0;
  /** Stamp of the newest record; stamps never go back. */
  appendedAt = 0;
  readonly listeners = new Set<() => void>();
  /** Live from `#head` on: taking from the front of an array would copy the rest each time. */
  #batches: TailBatch[] = [];
  #head = 0;

  constructor(topic: string, topicId: number, index: number, isCompacted: boolean) {
    this.topic = topic;
    this.topicId = topicId;
    this.index = index;
    this.isCompacted = isCompacted;
  }

  append(batch: TailBatch): void {
    this.#batches.push(batch);
    this.end = batch.end;
    for (const listener of this.listeners) listener();
  }

  /** Forgets the oldest batch, which has to be the one given. */
  forget(batch: TailBatch): void {
    if (this.#batches[this.#head] !== batch) return;
    this.#batches[this.#head++] = forgotten;
    if (this.#head < 64 || this.#head * 2 < this.#batches.length) return;
    this.#batches = this.#batches.slice(this.#head);
    this.#head = 0;
  }

  /** @returns the records in memory from `from` on, within the limits; undefined when memory does not reach that far */
  take(from: number, maxRecords: number, maxBytes: number): readonly StoredRecord[] | undefined {
    const oldest = this.#batches[this.#head];
    if (oldest === undefined || from < oldest.base || from >= this.end) return undefined;
    const index = this.#find(from);
    const first = this.#batches[index];
    const isWhole = first?.base === from && first.end === this.end;
    if (isWhole && first.records.length <= maxRecords && first.bytes <= maxBytes) return first.records;
    return this.#collect(index, from, maxRecords, maxBytes);
  }

  #collect(index: number, from: number, maxRecords: number, maxBytes: number): readonly StoredRecord[] {
    const taken: StoredRecord[] = [];
    let bytes = 0;
    for (let at = index; at < this.#batches.length; at++) {
      for (const record of this.#batches[at]?.records ?? []) {
        if (record.offset < from) continue;
        bytes += recordBytes(record);
        if (taken.length > 0 && (taken.length >= maxRecords || bytes > maxBytes)) return taken;
        taken.push(record);
      }
    }
    return taken;
  }

  /** Binary search for the batch that holds `offset`. */
  #find(offset: number): number {
    let low = this.#head;
    let high = this.#batches.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#batches[middle]?.end ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** What the objects of a record take beside its bytes, roughly. */
const recordOverheadBytes = 200;

/** Bounds what all partitions keep in memory together: the oldest goes first, whosever it is. */
export class TailBudget {
  readonly #maxBytes: number;
  #entries: ({ readonly partition: Partition; readonly batch: TailBatch } | undefined)[] = [];
  #head = 0;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  add(partition: Partition, batch: TailBatch): void {
    this.#entries.push({ partition, batch });
    this.#bytes += footprint(batch);
    while (this.#bytes > this.#maxBytes) this.#forgetOldest();
  }

  #forgetOldest(): void {
    const oldest = this.#entries[this.#head];
    if (oldest === undefined) return;
    oldest.partition.forget(oldest.batch);
    this.#bytes -= footprint(oldest.batch);
    this.#entries[this.#head++] = undefined;
    if (this.#head < 1024 || this.#head * 2 < this.#entries.length) return;
    this.#entries = this.#entries.slice(this.#head);
    this.#head = 0;
  }
}

export function recordBytes(record: StoredRecord): number {
  return record.key.length + (record.value?.byteLength ?? 0);
}

function footprint(batch: TailBatch): number {
  return batch.bytes + batch.records.length * recordOverheadBytes;
}
