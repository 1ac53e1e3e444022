import type pg from 'pg';
import { copyOut } from '../../postgres/copy-out.ts';
import { createPool, type Connection } from '../../postgres/pool.ts';
import type { TopicSpec } from '../log.ts';
import {
  StoreFailure,
  type BatchStore,
  type Flush,
  type Page,
  type StoredEnd,
  type StoredStart,
  type StoredState,
  type StoredTopic,
} from './batch-store.ts';
import { flushParameters } from './flush-parameters.ts';
import { SegmentCatalogue, type Step } from './segment-catalogue.ts';
import { sqlState, StoreSession, toFailure } from './store-session.ts';

const appendStatement = `select append_flush(${Array.from({ length: 23 }, (_, index) => `$${index + 1}`).join(', ')})`;

/**
 * A page is the rows that begin within so many bytes. The row limit only keeps the server from looking at many more
 * rows than that.
 */
function pageQuery(rows: string, maxBytes: number, rowLimit: number): string {
  return `
    select string_agg(frames, ''::bytea order by position), max(position)::bigint, count(*)::int
    from (select frames, position, sum(octet_length(frames)) over (order by position rows unbounded preceding) - octet_length(frames) as before
          from (${rows} order by position limit ${rowLimit}) as candidates) as counted
    where before < ${maxBytes}`;
}

const fewestRows = 64;
const mostRows = 4_096;

/** A tombstone stays this long after compaction could have removed what it deletes. */
const tombstoneGraceMs = 86_400_000;
const nothing = Buffer.alloc(0);
const uniqueViolation = '23505';

export interface PostgresBatchStoreOptions {
  readonly connection: Connection;
  /** How much time one segment spans; retention goes by whole segments. */
  readonly segmentMs: number;
  /** How long to wait at open for another writer to go. */
  readonly patienceMs: number;
  readonly onBroken: (error: Error) => void;
}

/** The batches as rows of a PostgreSQL database of their own; `schema.sql` has the tables. */
export class PostgresBatchStore implements BatchStore {
  readonly #session: StoreSession;
  readonly #pool: pg.Pool;
  readonly #catalogue: SegmentCatalogue;
  /** By kind and topic: the bytes of a row in the last page. */
  readonly #rowBytes = new Map<string, number>();

  constructor(options: PostgresBatchStoreOptions) {
    this.#session = new StoreSession(options.connection, options.patienceMs, options.onBroken);
    this.#pool = createPool(options.connection, { name: 'firebreak-log-reader', connections: 4 });
    this.#catalogue = new SegmentCatalogue(this.#session, options.segmentMs);
  }

  async open(): Promise<StoredState> {
    await this.#session.open();
    const topics = await this.#loadTopics();
    await this.#catalogue.load();
    const { rows } = await this.#session.run((client) =>
      client.query<{ group_name: string; topic_id: number; partition: number; next_offset: string }>(
        'select * from group_offset',
      ),
    );
    const commits = rows.map((row) => ({
      group: row.group_name,
      topicId: row.topic_id,
      partition: row.partition,
      offset: Number(row.next_offset),
    }));
    return { topics, ends: await this.#loadEnds(), starts: this.#catalogue.starts(), commits };
  }

  async createTopic(spec: TopicSpec): Promise<StoredTopic> {
    const id = await this.#session.transaction(async (client) => {
      const { rows } = await client.query<{ id: number }>(
        // An attempt before may have come through although its answer did not.
        `insert into topic (name, partitions, retention_ms, compaction_min_lag_ms) values ($1, $2, $3, $4)
         on conflict (name) do update set name = excluded.name returning id`,
        [spec.name, spec.partitions, spec.retentionMs, spec.compaction?.minLagMs ?? null],
      );
      const topicId = rows[0]?.id ?? 0;
      await client.query(
        'insert into topic_partition (topic_id, partition) select $1, generate_series(0, $2 - 1) on conflict do nothing',
        [topicId, spec.partitions],
      );
      return topicId;
    });
    const topic = { ...spec, id };
    this.#catalogue.add(topic);
    return topic;
  }

  async updateTopic({ id, retentionMs, compaction }: StoredTopic): Promise<void> {
    await this.#session.run((client) =>
      client.query('update topic set retention_ms = $2, compaction_min_lag_ms = $3 where id = $1', [
        id,
        retentionMs,
        compaction?.minLagMs ?? null,
      ]),
    );
  }

  async write(flush: Flush): Promise<void> {
    const segments = new Map<number, number>();
    for (const { topicId } of flush.batches) {
      if (!segments.has(topicId))
        segments.set(topicId, await this.#catalogue.segmentFor(topicId, flush.appendedAt));
    }
    const values = flushParameters(flush, segments);
    try {
      await this.#session.run((client) => client.query({ name: 'append', text: appendStatement, values }));
    } catch (error) {
      if (!(error instanceof StoreFailure) || sqlState(error.cause) !== uniqueViolation) throw error;
      throw new StoreFailure('fenced', 'Another process writes to the log.', error);
    }
  }

  async recover(): Promise<readonly StoredEnd[]> {
    await this.#session.reconnect();
    await this.#catalogue.load();
    return this.#loadEnds();
  }

  async read(topicId: number, partition: number, from: number, maxBytes: number): Promise<Page> {
    try {
      let at = from;
      for (;;) {
        const step = this.#catalogue.locate(topicId, partition, at);
        if (step.kind === 'end') return { frames: nothing, end: step.from };
        const page = await this.#readStep(topicId, partition, step, maxBytes);
        if (page !== undefined) return page;
        // A segment that was dropped while we asked looks empty, and then its end is not where to go on.
        if (step.kind === 'batches' && !this.#catalogue.has(topicId, step.segmentId)) continue;
        if (step.until === Infinity) return { frames: nothing, end: step.from };
        at = step.until;
      }
    } catch (error) {
      throw toFailure(error);
    }
  }

  async latest(topicId: number, keys: readonly string[]): Promise<Buffer> {
    const text = `select encode(string_agg(frame, ''::bytea), 'base64') as frames from latest
      where topic_id = $1 and key = any($2::bytea[]) and tombstone_at is null`;
    const values = [topicId, keys.map((key) => Buffer.from(key))];
    try {
      const { rows } = await this.#pool.query<{ frames: string | null }>({ name: 'lookup', text, values });
      return Buffer.from(rows[0]?.frames ?? '', 'base64');
    } catch (error) {
      throw toFailure(error);
    }
  }

  async deleteBefore(topicId: number, partition: number, offset: number): Promise<void> {
    await this.#catalogue.deleteBefore(topicId, partition, offset);
  }

  async expire(topics: readonly StoredTopic[], now: number): Promise<readonly StoredStart[]> {
    const moved: StoredStart[] = [];
    for (const topic of topics) {
      const keepMs = topic.compaction?.minLagMs ?? topic.retentionMs;
      if (keepMs === null) continue;
      moved.push(...(await this.#catalogue.expire(topic.id, now, keepMs)));
      if (topic.compaction !== null) await this.#deleteTombstones(topic.id, now - keepMs - tombstoneGraceMs);
    }
    return moved;
  }

  async #deleteTombstones(topicId: number, before: number): Promise<void> {
    const text = 'delete from latest where topic_id = $1 and tombstone_at < $2';
    await this.#session.run((client) => client.query(text, [topicId, before]));
  }

  async close(): Promise<void> {
    await this.#session.close();
    await this.#pool.end();
  }

  async #readStep(
    topicId: number,
    partition: number,
    step: Exclude<Step, { kind: 'end' }>,
    maxBytes: number,
  ): Promise<Page | undefined> {
    const isLatest = step.kind === 'latest';
    const kind = `${step.kind}/${topicId}`;
    const wantedRows = Math.ceil((1.2 * maxBytes) / (this.#rowBytes.get(kind) ?? maxBytes));
    const rowLimit = Math.min(mostRows, Math.max(fewestRows, wantedRows));
    // Only numbers of our own go into the text.
    const query = isLatest
      ? `select frame as frames, record_offset as position from latest
         where topic_id = ${topicId} and partition = ${partition} and record_offset >= ${step.from} and record_offset < ${step.until}`
      : `select frames, next_offset as position from batch
         where segment_id = ${step.segmentId} and partition = ${partition} and next_offset > ${step.from}`;
    const [[frames, position, rows] = []] = await copyOut(this.#pool, pageQuery(query, maxBytes, rowLimit));
    if (frames == null || position == null || rows == null) return undefined;
    this.#rowBytes.set(kind, frames.length / rows.readInt32BE());
    // A batch lies at the offset after it, a last value at its own.
    return { frames, end: Number(position.readBigInt64BE()) + (isLatest ? 1 : 0) };
  }

  async #loadTopics(): Promise<readonly StoredTopic[]> {
    const { rows } = await this.#session.run((client) =>
      client.query<{
        id: number;
        name: string;
        partitions: number;
        retention_ms: string | null;
        compaction_min_lag_ms: string | null;
      }>('select * from topic order by id'),
    );
    return rows.map((row) => ({
      id: row.id,
      name: row.name,
      partitions: row.partitions,
      retentionMs: row.retention_ms === null ? null : Number(row.retention_ms),
      compaction: row.compaction_min_lag_ms === null ? null : { minLagMs: Number(row.compaction_min_lag_ms) },
    }));
  }

  async #loadEnds(): Promise<readonly StoredEnd[]> {
    const { rows } = await this.#session.run((client) =>
      client.query<{ topic_id: number; partition: number; next_offset: string; appended_at: string }>(
        'select topic_id, partition, next_offset, appended_at from topic_partition',
      ),
    );
    return rows.map((row) => ({
      topicId: row.topic_id,
      partition: row.partition,
      end: Number(row.next_offset),
      appendedAt: Number(row.appended_at),
    }));
  }
}
