import type { StoredRecord, TopicSpec } from '../log.ts';

/**
 * What the embedded log asks of whoever keeps its bytes. One writer at a time; it alone decides on offsets, and the
 * store refuses a write whose base is not the end that it has.
 */
export interface BatchStore {
  /** Becomes the writer. @throws StoreFailure `fenced` when another process is */
  open(): Promise<StoredState>;
  createTopic(spec: TopicSpec): Promise<StoredTopic>;
  updateTopic(topic: StoredTopic): Promise<void>;
  /** All or nothing, durable when it resolves. @throws StoreFailure */
  write(flush: Flush): Promise<void>;
  /** One attempt to become the writer again after a failure `lost`. @returns the ends. @throws StoreFailure */
  recover(): Promise<readonly StoredEnd[]>;
  /** One page of frames from `from` on; `end` is where to go on, and above `from` whenever there is more. */
  read(topicId: number, partition: number, from: number, maxBytes: number): Promise<Page>;
  /** The last records of these keys of a compacted topic, tombstones left out. */
  latest(topicId: number, keys: readonly string[]): Promise<readonly StoredRecord[]>;
  deleteBefore(topicId: number, partition: number, offset: number): Promise<void>;
  /** Drops what retention and compaction no longer keep. @returns the partitions whose start moved */
  expire(topics: readonly StoredTopic[], now: number): Promise<readonly StoredStart[]>;
  close(): Promise<void>;
}

export interface StoredTopic extends TopicSpec {
  readonly id: number;
}

export interface StoredEnd {
  readonly topicId: number;
  readonly partition: number;
  readonly end: number;
  readonly appendedAt: number;
}

export interface StoredStart {
  readonly topicId: number;
  readonly partition: number;
  readonly start: number;
}

export interface StoredCommit {
  readonly group: string;
  readonly topicId: number;
  readonly partition: number;
  readonly offset: number;
}

export interface StoredState {
  readonly topics: readonly StoredTopic[];
  readonly ends: readonly StoredEnd[];
  readonly starts: readonly StoredStart[];
  readonly commits: readonly StoredCommit[];
}

/** What one partition gets in one flush: the bytes `from` to `to` of the payload, whole frames. */
export interface FlushBatch {
  readonly topicId: number;
  readonly partition: number;
  readonly base: number;
  readonly end: number;
  /** How the frames are cut into rows, and the offset that follows each. */
  readonly rows: readonly { readonly from: number; readonly to: number; readonly end: number }[];
}

/** A record of a compacted topic, the last one of its key in this flush. Its key is a slice of the payload. */
export interface FlushKey {
  readonly topicId: number;
  readonly partition: number;
  readonly offset: number;
  readonly isTombstone: boolean;
  readonly from: number;
  readonly to: number;
}

export interface Flush {
  readonly payload: Buffer;
  readonly appendedAt: number;
  readonly batches: readonly FlushBatch[];
  readonly keys: readonly FlushKey[];
  readonly commits: readonly StoredCommit[];
}

export interface Page {
  /** Runs of frames, in order. */
  readonly frames: readonly Buffer[];
  readonly end: number;
}

/**
 * Why the store did not do something.
 *
 * - `refused`: it surely did not happen, and the store still works
 * - `lost`: the connection broke; it may have happened
 * - `fenced`: there is another writer; this one must stop
 */
export class StoreFailure extends Error {
  readonly kind: 'refused' | 'lost' | 'fenced';

  constructor(kind: StoreFailure['kind'], message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'StoreFailure';
    this.kind = kind;
  }
}
