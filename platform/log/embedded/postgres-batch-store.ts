import type pg from 'pg';
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

/** Bounds the rows that a page looks at; the bytes are bounded by the caller. */
const pageRows = 512;

const readBatches = `
  select string_agg(frames, ''::bytea order by next_offset) as frames, max(next_offset) as next from (
    select frames, next_offset, sum(octet_length(frames)) over (order by next_offset) - octet_length(frames) as before
    from (select frames, next_offset from batch where segment_id = $1 and partition = $2 and next_offset > $3
          order by next_offset limit ${pageRows}) as candidates) as counted
  where before < $4`;

const readLatest = `
  select string_agg(frame, ''::bytea order by record_offset) as frames, max(record_offset) + 1 as next from (
    select frame, record_offset, sum(octet_length(frame)) over (order by record_offset) - octet_length(frame) as before
    from (select frame, record_offset from latest
          where topic_id = $1 and partition = $2 and record_offset >= $3 and record_offset < $4
          order by record_offset limit ${pageRows * 4}) as candidates) as counted
  where before < $5`;

/** A tombstone stays this long after compaction could have removed what it deletes. */
const tombstoneGraceMs = 86_400_000;
const nothing = Buffer.alloc(0);
const uniqueViolation = '23505';

export interface PostgresBatchStoreOptions {
  readonly connection: Connection;
  /** How much time one segment spans; retention goes by whole segments. */
  readonly segmentMs: number;
  readonly onBroken: (error: Error) => void;
}

/** The batches as rows of a PostgreSQL database of their own; `schema.sql` has the tables. */
export class PostgresBatchStore implements BatchStore {
  readonly #session: StoreSession;
  readonly #pool: pg.Pool;
  readonly #catalogue: SegmentCatalogue;

  constructor(options: PostgresBatchStoreOptions) {
    this.#session = new StoreSession(options.connection, options.onBroken);
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
    const values = [topicId, keys.map((key) => Buffer.from(key))];
    const text = `select string_agg(frame, ''::bytea) as frames, null as next from latest
      where topic_id = $1 and key = any($2::bytea[]) and tombstone_at is null`;
    const { rows } = await this.#page('lookup', text, values).catch((error: unknown) => {
      throw toFailure(error);
    });
    return rows[0]?.frames ?? nothing;
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
    const { rows } =
      step.kind === 'batches'
        ? // Without a name the server plans for these very values and opens one segment only.
          await this.#page(undefined, readBatches, [step.segmentId, partition, step.from, maxBytes])
        : await this.#page('latest', readLatest, [topicId, partition, step.from, step.until, maxBytes]);
    const [row] = rows;
    return row?.frames == null || row.next === null
      ? undefined
      : { frames: row.frames, end: Number(row.next) };
  }

  #page(
    name: string | undefined,
    text: string,
    values: unknown[],
  ): Promise<pg.QueryResult<{ frames: Buffer | null; next: string | null }>> {
    return this.#pool.query({ ...(name !== undefined && { name }), text, values });
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
