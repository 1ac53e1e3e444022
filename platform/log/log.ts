/**
 * The log: topics of partitions of records, kept in the order in which they were appended.
 *
 * What holds for every implementation:
 * - A record is in the log when `append` resolves, and stays there through any crash, until its retention ends.
 * - Offsets of a partition grow strictly. They may have gaps.
 * - Delivery is at least once: after a crash a consumer sees again what it had not committed, and an append that
 *   failed may have landed all the same.
 */
export interface Log {
  /**
   * Creates what is not there and adopts a changed retention, also that of a compacted topic that had none.
   *
   * @throws FB_TOPIC_CONFLICT when a topic is there with another partition count, or with compaction where it is to be
   * without, or the other way round
   */
  createTopics(topics: readonly TopicSpec[]): Promise<void>;

  /**
   * Resolves when the records are durable, with one position per record in the order given. Appends that wait at the
   * same time share one commit; a lone one is not held back. Values must not change until it resolves.
   *
   * @throws FB_LOG_FULL, FB_LOG_UNAVAILABLE (try again), FB_RECORD_TOO_LARGE, FB_LOG_FENCED, FB_NOT_READY (closed)
   */
  append(topic: string, records: readonly LogRecord[]): Promise<readonly Position[]>;

  /** Joins a consumer group; the partitions of the topics are shared out among its members. */
  consume(options: ConsumeOptions): Promise<Consumer>;

  /**
   * One partition from `from` up to and without `until` (default: the end that it has now), without a group. A start
   * before the oldest record begins at the oldest.
   */
  read(from: Position, until?: number): AsyncIterable<Batch>;

  /**
   * Partitions without a group: from where each is told to start to its end, then live, until the signal aborts. Then
   * it resolves, after the last handler has returned. Rejects when a handler throws.
   */
  follow(options: FollowOptions): Promise<void>;

  /** Per partition, in order: the oldest offset that can be read, and the offset that the next record gets at least. */
  bounds(topic: string): Promise<readonly PartitionBounds[]>;

  /** The ends alone, by partition number. */
  ends(topic: string): Promise<readonly number[]>;

  /** How far a group is behind. `committed` is null, and the whole partition counts, where it never committed. */
  lag(group: string, topics: readonly string[]): Promise<readonly PartitionLag[]>;

  /** Gives up all records before the position. Not for compacted topics. */
  deleteBefore(position: Position): Promise<void>;

  /** Stops consumers and followers, finishes what was appended, and lets go. */
  close(): Promise<void>;
}

export interface TopicSpec {
  readonly name: string;
  readonly partitions: number;
  /**
   * How long a record is kept at least; null keeps it until compaction or `deleteBefore` takes it. With compaction both
   * hold: a last value that is older may go, too. Space comes back late: readers to whom age matters look at `appendedAt`.
   */
  readonly retentionMs: number | null;
  /** Keeps the last value of every key; older ones may go `minLagMs` after their append. A null value deletes the key. */
  readonly compaction: { readonly minLagMs: number } | null;
}

export interface LogRecord {
  /** At most 2,000 bytes of UTF-8. */
  readonly key: string;
  /** Where `place(key, n)` or the topic's own rule puts it. */
  readonly partition: number;
  readonly value: Uint8Array | null;
  readonly headers?: Readonly<Record<string, string>>;
  /** What the value encodes, which never changes: a reader in the same process may be handed it. */
  readonly content?: unknown;
}

export interface StoredRecord {
  readonly offset: number;
  readonly key: string;
  readonly value: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970, stamped by the log at append. */
  readonly appendedAt: number;
  /** What the value encodes, when the log still has it from the append or a reader left it here for the next one. */
  content?: unknown;
}

export interface Batch {
  readonly topic: string;
  readonly partition: number;
  /** At least one. */
  readonly records: readonly StoredRecord[];
  /** The offset to go on from. */
  readonly end: number;
}

export interface PartitionRef {
  readonly topic: string;
  readonly partition: number;
}

export interface Position extends PartitionRef {
  /** Of the next record to read. */
  readonly offset: number;
}

export interface PartitionBounds extends PartitionRef {
  readonly start: number;
  readonly end: number;
}

export interface PartitionLag extends PartitionRef {
  readonly committed: number | null;
  readonly lag: number;
}

export interface BatchLimits {
  /** Default 500. */
  readonly maxBatchRecords?: number;
  /** Default 1 MiB; a single larger record comes alone. */
  readonly maxBatchBytes?: number;
}

export interface ConsumeOptions extends BatchLimits {
  readonly group: string;
  readonly topics: readonly string[];
  /** Where to begin when the group has no committed offset, or one that is no longer in the log. */
  readonly from: 'earliest' | 'latest';
  /**
   * One batch at a time per partition, partitions in parallel. Its return moves the position, never the committed
   * offset. A retryable FirebreakError says that something is away: the same batch comes again after a pause, unless the
   * partition is lost or another position was sought meanwhile. Any other throw is a bug: the consumer leaves the group
   * and `onFailed` is told.
   */
  readonly handle: (batch: Batch, consumer: Consumer) => Promise<void> | void;
  /** Before the first batch of these partitions. Called again where something was away, as `handle` is. */
  readonly onGained?: (partitions: readonly PartitionRef[], consumer: Consumer) => Promise<void> | void;
  /**
   * After the last handler of these partitions has returned, also at `stop`. When `clean`, what is committed before it
   * returns still counts; otherwise another member may own them already.
   */
  readonly onLost?: (
    partitions: readonly PartitionRef[],
    clean: boolean,
    consumer: Consumer,
  ) => Promise<void> | void;
  /** Left out: the error is thrown where nobody catches it, which ends the process; a supervisor starts a sound one. */
  readonly onFailed?: (error: unknown) => void;
}

/** Who consumes what. */
export type ConsumerGroup = Pick<ConsumeOptions, 'group' | 'topics'>;

export interface Consumer {
  /**
   * Says that everything before the position is settled: once the log has that, a new owner of the partition begins there
   * and never earlier. Returns at once. The position is sent, and tried again for as long as it takes, until the log has
   * it, a newer one of the partition takes its place, or the partition is lost. A clean loss, also at `stop`, waits for it,
   * and tries once more where the log does not take it. Of a partition that is not this consumer's it says nothing.
   */
  commit(position: Position): void;
  /** No new batch of these partitions until `resume`; the handler that runs goes on. */
  pause(partitions: readonly PartitionRef[]): void;
  resume(partitions: readonly PartitionRef[]): void;
  /** The next batch of this partition begins here. */
  seek(position: Position): void;
  /** Leaves the group after the last handlers have returned. Not to be awaited inside a handler. */
  stop(): Promise<void>;
}

export interface FollowOptions extends BatchLimits {
  /** One per partition. */
  readonly from: readonly Position[];
  readonly handle: (batch: Batch) => Promise<void> | void;
  /** Once, when everything that stood in these partitions at the call has been handled. */
  readonly onReached?: () => void;
  readonly signal: AbortSignal;
}
