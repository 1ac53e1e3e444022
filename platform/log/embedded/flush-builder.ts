import type { Position, StoredRecord } from '../log.ts';
import type { Flush, FlushBatch, FlushKey, StoredCommit } from './batch-store.ts';
import { keyStart, writeFrame, type SizedRecord } from './frame.ts';
import { recordBytes, type Partition, type TailBatch } from './partition.ts';

export interface AppendItem {
  readonly partition: Partition;
  readonly sized: SizedRecord;
}

/** One call of `append` that waits for its commit. */
export interface AppendCall {
  readonly items: readonly AppendItem[];
  readonly bytes: number;
  readonly resolve: (positions: readonly Position[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface BuiltFlush {
  readonly flush: Flush;
  readonly tails: readonly { readonly partition: Partition; readonly batch: TailBatch }[];
  /** Per call, its positions. */
  readonly positions: readonly (readonly Position[])[];
}

/**
 * A row of the database is not larger than this, unless it is a single record. Rows of compacted topics are small,
 * two to a page of the database, because single records are looked up in them.
 */
const rowBytes = 1_048_576;
export const compactedRowBytes = 3_900;

interface Share {
  readonly partition: Partition;
  readonly items: SizedRecord[];
  bytes: number;
}

/**
 * Gives the queued records their offsets and writes all frames, once, into one buffer: partition by partition, in
 * order of append. The buffer goes to the database as it is, and the tails keep it for the consumers.
 */
export function buildFlush(
  calls: readonly AppendCall[],
  commits: readonly StoredCommit[],
  now: number,
): BuiltFlush {
  const shares = new Map<Partition, Share>();
  let bytes = 0;
  let appendedAt = now;
  const positions = calls.map(({ items }) =>
    items.map(({ partition, sized }) => {
      let share = shares.get(partition);
      if (share === undefined) shares.set(partition, (share = { partition, items: [], bytes: 0 }));
      share.items.push(sized);
      share.bytes += sized.frameBytes;
      bytes += sized.frameBytes;
      appendedAt = Math.max(appendedAt, partition.appendedAt);
      return {
        topic: partition.topic,
        partition: partition.index,
        offset: partition.end + share.items.length - 1,
      };
    }),
  );
  // Not from the pool that Node shares among small buffers: the tail would keep strangers alive.
  const payload = Buffer.allocUnsafeSlow(bytes);
  const batches: FlushBatch[] = [];
  const keys: FlushKey[] = [];
  const tails: { partition: Partition; batch: TailBatch }[] = [];
  let from = 0;
  for (const share of shares.values()) {
    const written = writeShare(payload, from, share, appendedAt);
    batches.push(written.batch);
    for (const key of written.keys) keys.push(key);
    tails.push({ partition: share.partition, batch: written.tail });
    from += share.bytes;
  }
  return { flush: { payload, appendedAt, batches, keys, commits }, tails, positions };
}

function writeShare(
  payload: Buffer,
  start: number,
  { partition, items }: Share,
  appendedAt: number,
): { readonly batch: FlushBatch; readonly keys: readonly FlushKey[]; readonly tail: TailBatch } {
  const { topicId, index, end: base } = partition;
  const records: StoredRecord[] = [];
  const rows: { from: number; to: number; end: number }[] = [];
  const keys = new Map<string, FlushKey>();
  const maxBytes = partition.isCompacted ? compactedRowBytes : rowBytes;
  let at = start;
  let bytes = 0;
  for (const sized of items) {
    const offset = base + records.length;
    const record = writeFrame(payload, at, sized, offset, appendedAt);
    const to = at + sized.frameBytes;
    const row = rows.at(-1);
    if (row === undefined || to - row.from > maxBytes) rows.push({ from: at, to, end: offset + 1 });
    else Object.assign(row, { to, end: offset + 1 });
    if (partition.isCompacted) {
      const from = at + keyStart;
      const isTombstone = record.value === null;
      keys.set(record.key, {
        topicId,
        partition: index,
        offset,
        isTombstone,
        from,
        to: from + sized.keyBytes,
      });
    }
    records.push(record);
    bytes += recordBytes(record);
    at = to;
  }
  const end = base + records.length;
  return {
    batch: { topicId, partition: index, base, end, rows },
    keys: [...keys.values()],
    tail: { base, end, bytes, records },
  };
}
