import type { Batch, PartitionRef, StoredRecord } from '../log.ts';
import type { FetchedPartition } from './kafka-client.ts';
import type { SharedRecords } from './shared-records.ts';

/** Bytes read ahead of the handler, beyond which a partition is not fetched. */
const readAheadBytes = 2 * 1_048_576;

/** What is counted for a record beside key, value and headers. */
const recordOverheadBytes = 64;

interface Fetched {
  readonly record: StoredRecord;
  readonly bytes: number;
}

/**
 * One partition as its reader sees it: what was fetched and not handled yet, and where to go on.
 *
 * Offsets may have gaps: compaction leaves them. An empty answer although the log goes on may be such a gap, or only
 * no room left in the answer; a fetch of this partition alone tells (`isDoubtful`).
 */
export class PartitionFeed {
  readonly ref: PartitionRef;
  /** Where the next fetch begins. */
  fetchOffset: number;
  /** Everything before it was handed out. */
  position: number;
  isPaused = false;
  isDoubtful = false;
  /** Grows with every seek: answers to earlier fetches are void. */
  epoch = 0;
  #ahead: Fetched[] = [];
  #next = 0;
  #aheadBytes = 0;
  readonly #shared: SharedRecords;

  constructor(ref: PartitionRef, offset: number, shared: SharedRecords) {
    this.ref = ref;
    this.#shared = shared;
    this.fetchOffset = offset;
    this.position = offset;
  }

  get wantsMore(): boolean {
    return !this.isPaused && this.#aheadBytes < readAheadBytes;
  }

  get hasMore(): boolean {
    return this.#next < this.#ahead.length || this.position < this.fetchOffset;
  }

  seek(offset: number): void {
    this.epoch += 1;
    this.fetchOffset = offset;
    this.position = offset;
    this.#ahead = [];
    this.#next = 0;
    this.#aheadBytes = 0;
    this.isDoubtful = false;
  }

  /** Takes up the answer to a fetch from `fetchOffset`. @param wasAlone nothing else was asked for */
  accept({ messages, highWatermark }: FetchedPartition, wasAlone: boolean): void {
    const news = messages.filter(({ offset }) => Number(offset) >= this.fetchOffset);
    for (const message of news) {
      this.fetchOffset = Number(message.offset) + 1;
      if (message.isControlRecord === true) continue;
      const record = this.#shared.recordOf(this.ref, message);
      const bytes = (message.value?.length ?? 0) + (message.key?.length ?? 0) + recordOverheadBytes;
      this.#ahead.push({ record, bytes });
      this.#aheadBytes += bytes;
    }
    const isBehind = news.length === 0 && Number(highWatermark) > this.fetchOffset;
    if (isBehind && wasAlone) this.fetchOffset = Number(highWatermark);
    this.isDoubtful = isBehind && !wasAlone;
  }

  /** @returns the next batch; null when there is none, also where only a gap was passed */
  take(maxRecords: number, maxBytes: number): Batch | null {
    const records: StoredRecord[] = [];
    for (let bytes = 0; records.length < maxRecords;) {
      const head = this.#ahead[this.#next];
      if (head === undefined || (records.length > 0 && bytes + head.bytes > maxBytes)) break;
      bytes += head.bytes;
      this.#aheadBytes -= head.bytes;
      this.#next += 1;
      records.push(head.record);
    }
    const isEmpty = this.#next === this.#ahead.length;
    if (isEmpty) {
      this.#ahead = [];
      this.#next = 0;
    }
    const last = records.at(-1);
    this.position = isEmpty ? this.fetchOffset : (last?.offset ?? this.position - 1) + 1;
    return last === undefined ? null : { ...this.ref, records, end: this.position };
  }
}
