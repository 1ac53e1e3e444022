import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { copyOut } from '../../postgres/copy-out.ts';
import { createPool, type Connection } from '../../postgres/pool.ts';
import type { StoredRecord, TopicSpec } from '../log.ts';
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
import { compact, digestArray } from './compaction.ts';
import { flushParameters } from './flush-parameters.ts';
import { readFrames } from './frame.ts';
import { SegmentCatalogue, type Place } from './segment-catalogue.ts';
import { dropUnfinished, insertTopic, loadCommits, loadEnds, loadTopics } from './stored-state.ts';
import { sqlState, StoreSession, toFailure, transaction } from './store-session.ts';

const appendStatement = `select append_flush(${Array.from({ length: 21 }, (_, index) => `$${index + 1}`).join(', ')})`;

/**
 * A page is the rows that begin within so many bytes. Only numbers of our own go into the text. The row limit only
 * keeps the server from looking at many more rows than that.
 */
function pageQuery(
  segmentId: number,
  partition: number,
  from: number,
  maxBytes: number,
  rowLimit: number,
): string {
  return `
    select frames, next_offset
    from (select frames, next_offset, sum(octet_length(frames)) over (order by next_offset rows unbounded preceding) - octet_length(frames) as before
          from (select frames, next_offset from batch
                where segment_id = ${segmentId} and partition = ${partition} and next_offset > ${from}
                order by next_offset limit ${rowLimit}) as candidates) as counted
    where before < ${maxBytes} order by next_offset`;
}

const fewestRows = 64;
const mostRows = 4_096;

/** A tombstone stays this long after compaction could have removed what it deletes. */
const tombstoneGraceMs = 86_400_000;
/**
 * Every read goes along a primary key. Without statistics, as of a table that was filled within the last minute, the
 * planner believes that little is left of it and sorts all of it for every page.
 */
const readAlongIndexes = { enable_bitmapscan: 'off', enable_seqscan: 'off', enable_sort: 'off' };
/** Where the last records were that compaction left out. By partition: what lies before is too old. */
const forgetLastOffsets = `
  delete from last_offset where topic_id = $1
    and (tombstone_at < $2 or record_offset < ($3::bigint[])[partition + 1])`;
const changePauseMs = 5;
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
  /** By segment: the bytes of a row in the last page. */
  readonly #rowBytes = new Map<number, number>();

  constructor(options: PostgresBatchStoreOptions) {
    this.#session = new StoreSession(options.connection, options.patienceMs, options.onBroken);
    this.#pool = createPool(options.connection, {
      name: 'firebreak-log-reader',
      connections: 4,
      settings: readAlongIndexes,
    });
    this.#catalogue = new SegmentCatalogue(options.segmentMs);
  }

  async open(): Promise<StoredState> {
    await this.#session.open();
    return this.#session.run(async (client) => {
      await client.query(dropUnfinished);
      const topics = await loadTopics(client);
      await this.#catalogue.load(client);
      const commits = await loadCommits(client);
      return { topics, ends: await loadEnds(client), starts: this.#catalogue.starts(), commits };
    });
  }

  async createTopic(spec: TopicSpec): Promise<StoredTopic> {
    return this.#session.run(async (client) => {
      const topic = { ...spec, id: await transaction(client, () => insertTopic(client, spec)) };
      this.#catalogue.add(topic);
      return topic;
    });
  }

  async updateTopic({ id, retentionMs, compaction }: StoredTopic): Promise<void> {
    const text = 'update topic set retention_ms = $2, compaction_min_lag_ms = $3 where id = $1';
    await this.#session.run((client) => client.query(text, [id, retentionMs, compaction?.minLagMs ?? null]));
  }

  async write(flush: Flush): Promise<void> {
    await this.#session.run(async (client) => {
      const segments = new Map<number, number>();
      for (const { topicId } of flush.batches) {
        if (segments.has(topicId)) continue;
        segments.set(topicId, (await this.#catalogue.segmentFor(client, topicId, flush.appendedAt)).id);
      }
      const query = { name: 'append', text: appendStatement, values: flushParameters(flush, segments) };
      await client.query(query).catch((error: unknown) => {
        if (sqlState(error) !== uniqueViolation) throw error;
        throw new StoreFailure('fenced', 'Another process writes to the log.', error);
      });
    });
  }

  async recover(): Promise<readonly StoredEnd[]> {
    await this.#session.reconnect();
    return this.#session.run(async (client) => {
      await this.#catalogue.load(client);
      return loadEnds(client);
    });
  }

  async read(topicId: number, partition: number, from: number, maxBytes: number): Promise<Page> {
    try {
      for (let at = from; ;) {
        const version = this.#catalogue.version(topicId);
        const place = this.#catalogue.locate(topicId, partition, at);
        if (place === undefined) return { frames: [], end: at };
        const page = await this.#readPlace(place, partition, maxBytes);
        if (page !== undefined) return page;
        if (!this.#catalogue.unchanged(topicId, version)) await sleep(changePauseMs);
        else if (place.until === Infinity) return { frames: [], end: place.from };
        else at = place.until;
      }
    } catch (error) {
      throw toFailure(error);
    }
  }

  async latest(topicId: number, keys: readonly string[]): Promise<readonly StoredRecord[]> {
    try {
      for (;;) {
        const version = this.#catalogue.version(topicId);
        const wanted = await this.#lastOffsets(topicId, keys);
        const found = await this.#recordsAt(topicId, wanted);
        if (found.length === wanted.length || this.#catalogue.unchanged(topicId, version)) return found;
        await sleep(changePauseMs);
      }
    } catch (error) {
      throw toFailure(error);
    }
  }

  async deleteBefore(topicId: number, partition: number, offset: number): Promise<void> {
    await this.#session.run((client) => this.#catalogue.deleteBefore(client, topicId, partition, offset));
  }

  async expire(topics: readonly StoredTopic[], now: number): Promise<readonly StoredStart[]> {
    const moved: StoredStart[] = [];
    for (const topic of topics) {
      if (topic.compaction !== null) await this.#compact(topic, now, topic.compaction.minLagMs);
      else if (topic.retentionMs !== null)
        moved.push(...(await this.#retain(topic.id, now, topic.retentionMs)));
    }
    return moved;
  }

  async close(): Promise<void> {
    await this.#session.close();
    await this.#pool.end();
  }

  #retain(topicId: number, now: number, keepMs: number): Promise<readonly StoredStart[]> {
    return this.#session.run(async (client) => {
      return this.#catalogue.drop(
        client,
        topicId,
        await this.#catalogue.expired(client, topicId, now, keepMs),
      );
    });
  }

  /** Beside the writer, but for the moment in which the new segment takes the place of the old ones. */
  async #compact(
    { id: topicId, partitions, retentionMs }: StoredTopic,
    now: number,
    keepMs: number,
  ): Promise<void> {
    const sources = await this.#session.run((client) =>
      this.#catalogue.expired(client, topicId, now, keepMs),
    );
    if (sources.every(({ isCompacted }) => isCompacted)) return;
    const tombstonesBefore = now - keepMs - tombstoneGraceMs;
    const recordsBefore = retentionMs === null ? null : now - retentionMs;
    const plan = {
      topicId,
      partitions,
      sources: sources.map(({ id }) => id),
      tombstonesBefore,
      recordsBefore,
    };
    try {
      const { id, youngFrom } = await compact(this.#pool, plan);
      await this.#session.run((client) => this.#catalogue.replace(client, topicId, sources, id));
      await this.#pool.query(forgetLastOffsets, [topicId, tombstonesBefore, youngFrom]);
    } catch (error) {
      throw toFailure(error);
    }
  }

  async #readPlace(
    { segmentId, from }: Place,
    partition: number,
    maxBytes: number,
  ): Promise<Page | undefined> {
    const wantedRows = Math.ceil((1.2 * maxBytes) / (this.#rowBytes.get(segmentId) ?? maxBytes));
    const rowLimit = Math.min(mostRows, Math.max(fewestRows, wantedRows));
    const query = pageQuery(segmentId, partition, from, maxBytes, rowLimit);
    const rows = await copyOut(this.#pool, query, 1.25 * maxBytes);
    const next = rows.at(-1)?.[1];
    if (next == null) return undefined;
    const frames = rows.flatMap(([bytes]) => (bytes == null ? [] : [bytes]));
    this.#rowBytes.set(segmentId, frames.reduce((sum, { length }) => sum + length, 0) / frames.length);
    return { frames, end: Number(next.readBigInt64BE()) };
  }

  async #lastOffsets(topicId: number, keys: readonly string[]): Promise<readonly RecordAt[]> {
    const partitions = this.#catalogue.partitions(topicId);
    const { rows } = await this.#pool.query<{ partition: number; record_offset: string }>({
      name: 'last-offsets',
      // One probe a key, whatever the planner knows of the table.
      text: `select partition, record_offset
        from unnest($2::int[]) as wanted_partition cross join unnest($3::bytea[]) as wanted_digest
        cross join lateral (select partition, record_offset from last_offset
          where topic_id = $1 and partition = wanted_partition and key_digest = wanted_digest and tombstone_at is null limit 1) as found`,
      values: [topicId, `{${partitions.join(',')}}`, digestArray(keys)],
    });
    return rows.map((row) => ({ partition: row.partition, offset: Number(row.record_offset) }));
  }

  async #recordsAt(topicId: number, wanted: readonly RecordAt[]): Promise<readonly StoredRecord[]> {
    const groups = new Map<
      string,
      { readonly segmentId: number; readonly partition: number; readonly offsets: number[] }
    >();
    for (const { partition, offset } of wanted) {
      const segmentId = this.#catalogue.locate(topicId, partition, offset)?.segmentId ?? 0;
      const key = `${segmentId}/${partition}`;
      const group = groups.get(key) ?? { segmentId, partition, offsets: [] };
      group.offsets.push(offset);
      groups.set(key, group);
    }
    const found = await Promise.all(
      [...groups.values()].map(async ({ segmentId, partition, offsets }) => {
        const rows = await copyOut(this.#pool, rowsQuery(segmentId, partition, offsets));
        const isWanted = new Set(offsets);
        return rows
          .flatMap(([frames]) => (frames == null ? [] : readFrames(frames)))
          .filter(({ offset }) => isWanted.has(offset));
      }),
    );
    return found.flat();
  }
}

interface RecordAt {
  readonly partition: number;
  readonly offset: number;
}

/** The rows in which the records of these offsets lie. */
function rowsQuery(segmentId: number, partition: number, offsets: readonly number[]): string {
  return `
    select distinct on (found.next_offset) found.frames
    from unnest('{${offsets.join(',')}}'::bigint[]) as wanted (record_offset)
    cross join lateral (select next_offset, frames from batch
      where segment_id = ${segmentId} and partition = ${partition} and next_offset > wanted.record_offset
      order by next_offset limit 1) as found`;
}
