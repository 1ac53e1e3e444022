import type pg from 'pg';
import { sha256Hex } from '../../../contracts/canonical.ts';
import { copyOut } from '../../postgres/copy-out.ts';
import { compactedRowBytes } from './flush-builder.ts';
import { sliceFrames } from './frame.ts';
import { batchStorage } from './segment-catalogue.ts';

/** One table that takes the place of several: of their records those that are still the last of their key and not too old. */
export interface CompactionPlan {
  readonly topicId: number;
  readonly partitions: number;
  readonly sources: readonly number[];
  /** Tombstones from before are left out. */
  readonly tombstonesBefore: number;
  /** What was appended before is left out; null leaves out nothing. */
  readonly recordsBefore: number | null;
}

export interface Compacted {
  /** The number of the new segment, whose table `batch_<id>` is complete. */
  readonly id: number;
  /** By partition: where the records begin that are not too old. */
  readonly youngFrom: readonly number[];
}

const pageRows = 128;

/** @returns an array literal of how `last_offset` knows these keys: SHA-256 of their UTF-8, cut to 16 bytes */
export function digestArray(keys: readonly string[]): string {
  const digestOf = (key: string): string => sha256Hex(key).slice(0, 32);
  return `{${[...new Set(keys)].map((key) => `"\\\\x${digestOf(key)}"`).join(',')}}`;
}

/**
 * Builds the table beside everything else; nobody reads it before it is attached. A record that is superseded while
 * this runs may still be copied: it is older than what superseded it and comes first, as in the topic itself.
 *
 */
export async function compact(pool: pg.Pool, plan: CompactionPlan): Promise<Compacted> {
  const { rows } = await pool.query<{ id: number }>(
    `select nextval(pg_get_serial_sequence('segment', 'id'))::int as id`,
  );
  const id = rows[0]?.id ?? 0;
  await pool.query(
    `create table batch_${id} (like batch including all, check (segment_id = ${id})) ${batchStorage}`,
  );
  const youngFrom: number[] = [];
  for (let partition = 0; partition < plan.partitions; partition++) {
    const live = await readLiveOffsets(pool, plan.topicId, partition);
    const target = new RowWriter(pool, id, partition);
    let oldUntil = 0;
    for (const source of plan.sources)
      oldUntil = Math.max(oldUntil, await copyLive(pool, plan, source, partition, live, target));
    youngFrom.push(oldUntil);
    await target.flush();
  }
  return { id, youngFrom };
}

/** @returns where what is too old ends: stamps grow with offsets */
async function copyLive(
  pool: pg.Pool,
  { tombstonesBefore, recordsBefore }: CompactionPlan,
  source: number,
  partition: number,
  live: LiveOffsets,
  target: RowWriter,
): Promise<number> {
  let oldUntil = 0;
  for (let after = -1; ;) {
    const page = await copyOut(
      pool,
      `select next_offset, frames from batch
       where segment_id = ${source} and partition = ${partition} and next_offset > ${after} order by next_offset limit ${pageRows}`,
    );
    const position = page.at(-1)?.[0];
    if (position == null) return oldUntil;
    after = Number(position.readBigInt64BE());
    for (const { record, frame } of page.flatMap(([, bytes]) => (bytes == null ? [] : sliceFrames(bytes)))) {
      if (record.appendedAt < (recordsBefore ?? -Infinity)) {
        oldUntil = record.offset + 1;
        continue;
      }
      const isSpent = record.value === null && record.appendedAt < tombstonesBefore;
      if (live.has(record.offset) && !isSpent) await target.add(frame, record.offset);
    }
  }
}

/** An offset is the last of some key or of none: the keys themselves need not be looked up. */
async function readLiveOffsets(pool: pg.Pool, topicId: number, partition: number): Promise<LiveOffsets> {
  const [[offsets] = []] = await copyOut(
    pool,
    `select string_agg(int8send(record_offset), ''::bytea order by record_offset)
     from last_offset where topic_id = ${topicId} and partition = ${partition}`,
  );
  return new LiveOffsets(offsets ?? Buffer.alloc(0));
}

/** Offsets as ascending big-endian int8, asked for in ascending order. */
class LiveOffsets {
  readonly #offsets: Buffer;
  #at = 0;

  constructor(offsets: Buffer) {
    this.#offsets = offsets;
  }

  has(offset: number): boolean {
    while (this.#at < this.#offsets.length && this.#current() < offset) this.#at += 8;
    return this.#at < this.#offsets.length && this.#current() === offset;
  }

  #current(): number {
    // Offsets stay below 2^48, as in the frames.
    return this.#offsets.readUIntBE(this.#at + 2, 6);
  }
}

/** Gathers frames into rows and rows into statements. */
class RowWriter {
  readonly #pool: pg.Pool;
  readonly #segmentId: number;
  readonly #partition: number;
  #frames: Buffer[] = [];
  #rows: { readonly from: number; to: number; next: number }[] = [];
  #bytes = 0;

  constructor(pool: pg.Pool, segmentId: number, partition: number) {
    this.#pool = pool;
    this.#segmentId = segmentId;
    this.#partition = partition;
  }

  async add(frame: Buffer, offset: number): Promise<void> {
    const to = this.#bytes + frame.length;
    const row = this.#rows.at(-1);
    if (row === undefined || to - row.from > compactedRowBytes)
      this.#rows.push({ from: this.#bytes, to, next: offset + 1 });
    else Object.assign(row, { to, next: offset + 1 });
    this.#frames.push(frame);
    this.#bytes = to;
    if (this.#bytes >= pageRows * compactedRowBytes) await this.flush();
  }

  async flush(): Promise<void> {
    if (this.#rows.length === 0) return;
    const rows = this.#rows;
    const payload = Buffer.concat(this.#frames);
    this.#frames = [];
    this.#rows = [];
    this.#bytes = 0;
    await this.#pool.query({
      text: `insert into batch_${this.#segmentId} (segment_id, partition, next_offset, frames)
        select $1, $2, next, substring($3::bytea from start for length)
        from unnest($4::bigint[], $5::int[], $6::int[]) as given (next, start, length)`,
      values: [
        this.#segmentId,
        this.#partition,
        payload,
        rows.map(({ next }) => next),
        rows.map(({ from }) => from + 1),
        rows.map(({ from, to }) => to - from),
      ],
    });
  }
}
