import type pg from 'pg';
import { StoreFailure, type StoredStart, type StoredTopic } from './batch-store.ts';
import { toFailure, transaction } from './store-session.ts';

export interface Segment {
  readonly id: number;
  readonly period: number;
  /** By partition: the first offset that may lie in this segment. */
  readonly starts: readonly number[];
  /** Holds nothing but last values, as of when it was made. */
  readonly isCompacted: boolean;
}

/** Small rows stay in their page; only larger ones are cut into chunks beside the table. */
export const batchStorage = 'with (toast_tuple_target = 8160)';

interface CataloguedTopic {
  readonly lowWater: number[];
  /** Oldest first, without holes. */
  segments: readonly Segment[];
  /** Odd while the segments change in the database; see `unchanged`. */
  version: number;
}

/** Where the records from `from` up to `until` lie. */
export interface Place {
  readonly segmentId: number;
  readonly from: number;
  readonly until: number;
}

/**
 * Which segment holds which offsets, in memory and in the table `segment`. What changes it runs as the writer, one
 * change at a time. A reader that finds nothing in a segment cannot tell an empty one from one that was dropped while
 * it asked, unless the version of the topic was the same, and even, before and after.
 */
export class SegmentCatalogue {
  readonly #segmentMs: number;
  readonly #topics = new Map<number, CataloguedTopic>();

  constructor(segmentMs: number) {
    this.#segmentMs = segmentMs;
  }

  async load(client: pg.Client): Promise<void> {
    const partitions = await client.query<{ topic_id: number; low_water: string }>(
      'select topic_id, low_water from topic_partition order by topic_id, partition',
    );
    const segments = await client.query<SegmentRow>(
      'select id, topic_id, period, starts, is_compacted from segment order by topic_id, period',
    );
    const loaded = new Map<number, { lowWater: number[]; segments: Segment[] }>();
    for (const row of partitions.rows) {
      const topic = loaded.get(row.topic_id) ?? { lowWater: [], segments: [] };
      topic.lowWater.push(Number(row.low_water));
      loaded.set(row.topic_id, topic);
    }
    for (const row of segments.rows) loaded.get(row.topic_id)?.segments.push(toSegment(row));
    for (const [topicId, topic] of loaded) {
      const version = this.#topics.get(topicId)?.version ?? 0;
      this.#topics.set(topicId, { ...topic, version: version + 2 - (version % 2) });
    }
  }

  add({ id, partitions }: StoredTopic): void {
    this.#topics.set(id, { lowWater: Array<number>(partitions).fill(0), segments: [], version: 0 });
  }

  /** By partition: below it there is nothing. */
  starts(): readonly StoredStart[] {
    return [...this.#topics].flatMap(([topicId, topic]) => startsOf(topicId, topic));
  }

  /** @returns undefined when there are no segments at all */
  locate(topicId: number, partition: number, at: number): Place | undefined {
    const { lowWater, segments } = this.#topic(topicId);
    const from = Math.max(at, lowWater[partition] ?? 0);
    const index = segments.findLastIndex(({ starts }) => (starts[partition] ?? 0) <= from);
    const segment = segments[index];
    if (segment === undefined) return undefined;
    return { segmentId: segment.id, from, until: segments[index + 1]?.starts[partition] ?? Infinity };
  }

  partitions(topicId: number): readonly number[] {
    return [...this.#topic(topicId).lowWater.keys()];
  }

  version(topicId: number): number {
    return this.#topic(topicId).version;
  }

  /** @returns whether what was read since the version was taken is what there is */
  unchanged(topicId: number, version: number): boolean {
    return version % 2 === 0 && version === this.version(topicId);
  }

  /**
   * The starts of a successor say where a segment ends, so the newest one gets one before it may go. While it is empty
   * it stays, and a topic that nobody writes to costs nothing.
   *
   * @returns the segments that may go, oldest first: every record in them was appended `keepMs` before `now`
   */
  async expired(
    client: pg.Client,
    topicId: number,
    now: number,
    keepMs: number,
  ): Promise<readonly Segment[]> {
    const { segments } = this.#topic(topicId);
    const isOld = ({ period }: Segment): boolean => (period + 1) * this.#segmentMs + keepMs <= now;
    const newest = segments.at(-1);
    if (newest === undefined || !isOld(newest)) return segments.filter(isOld);
    const { rowCount } = await client.query(
      'select 1 from topic_partition where topic_id = $1 and next_offset > ($2::bigint[])[partition + 1]',
      [topicId, newest.starts],
    );
    if (rowCount === 0) return segments.slice(0, -1);
    await this.segmentFor(client, topicId, now);
    return segments;
  }

  /** @returns the segment that a record appended `at` goes into, made when it is the first of its period */
  async segmentFor(client: pg.Client, topicId: number, at: number): Promise<Segment> {
    const topic = this.#topic(topicId);
    const period = Math.floor(at / this.#segmentMs);
    const newest = topic.segments.at(-1);
    if (newest !== undefined && newest.period >= period) return newest;
    const made = await transaction(client, async () => {
      const { rows } = await client.query<SegmentRow>(
        `insert into segment (topic_id, period, starts)
         select $1, $2, array_agg(next_offset order by partition) from topic_partition where topic_id = $1
         returning id, topic_id, period, starts, is_compacted`,
        [topicId, period],
      );
      const [row] = rows;
      if (row === undefined) throw new StoreFailure('refused', `There is no topic ${topicId}.`);
      await client.query(
        `create table batch_${row.id} partition of batch for values in (${row.id}) ${batchStorage}`,
      );
      return toSegment(row);
    });
    topic.segments = [...topic.segments, made];
    return made;
  }

  async deleteBefore(client: pg.Client, topicId: number, partition: number, offset: number): Promise<void> {
    const { lowWater, segments } = this.#topic(topicId);
    const moved = lowWater.map((low, index) => (index === partition ? Math.max(low, offset) : low));
    const firstKept = segments.findIndex((_, index) => {
      const next = segments[index + 1];
      return next === undefined || next.starts.some((start, p) => start > (moved[p] ?? 0));
    });
    await this.#drop(client, topicId, segments.slice(0, Math.max(firstKept, 0)), moved);
  }

  /** Drops segments, the oldest ones. @returns the starts, when they moved */
  async drop(
    client: pg.Client,
    topicId: number,
    dropped: readonly Segment[],
  ): Promise<readonly StoredStart[]> {
    const topic = this.#topic(topicId);
    const next = topic.segments[dropped.length];
    if (dropped.length === 0 || next === undefined) return [];
    await this.#drop(
      client,
      topicId,
      dropped,
      topic.lowWater.map((low, index) => Math.max(low, next.starts[index] ?? 0)),
    );
    return startsOf(topicId, topic);
  }

  /** Puts the finished table `batch_<id>` in the place of the segments that it was made from. */
  async replace(client: pg.Client, topicId: number, sources: readonly Segment[], id: number): Promise<void> {
    const [first, last] = [sources[0], sources.at(-1)];
    if (first === undefined || last === undefined) throw new RangeError('Nothing is replaced by nothing.');
    const made: Segment = { id, period: last.period, starts: first.starts, isCompacted: true };
    await this.#change(topicId, async (topic) => {
      await transaction(client, async () => {
        await dropTables(client, sources);
        await client.query(
          'insert into segment (id, topic_id, period, starts, is_compacted) overriding system value values ($1, $2, $3, $4, true)',
          [id, topicId, made.period, made.starts],
        );
        await client.query(`alter table batch attach partition batch_${id} for values in (${id})`);
      });
      topic.segments = [made, ...topic.segments.filter((segment) => !sources.includes(segment))];
    });
  }

  async #drop(
    client: pg.Client,
    topicId: number,
    dropped: readonly Segment[],
    lowWater: readonly number[],
  ): Promise<void> {
    await this.#change(topicId, async (topic) => {
      await transaction(client, async () => {
        await client.query(
          `update topic_partition set low_water = given.low_water from unnest($2::bigint[]) with ordinality as given (low_water, number)
           where topic_id = $1 and partition = number - 1`,
          [topicId, lowWater],
        );
        await dropTables(client, dropped);
      });
      topic.lowWater.splice(0, lowWater.length, ...lowWater);
      topic.segments = topic.segments.filter((segment) => !dropped.includes(segment));
    });
  }

  /** A change that is in doubt leaves the version odd: what there is, is known again after the next `load`. */
  async #change(topicId: number, change: (topic: CataloguedTopic) => Promise<void>): Promise<void> {
    const topic = this.#topic(topicId);
    topic.version++;
    try {
      await change(topic);
      topic.version++;
    } catch (error) {
      if (toFailure(error).kind === 'refused') topic.version++;
      throw error;
    }
  }

  #topic(topicId: number): CataloguedTopic {
    const topic = this.#topics.get(topicId);
    if (topic === undefined) throw new Error(`The catalogue has no topic ${topicId}.`);
    return topic;
  }
}

interface SegmentRow {
  readonly id: number;
  readonly topic_id: number;
  readonly period: string;
  readonly starts: readonly string[];
  readonly is_compacted: boolean;
}

async function dropTables(client: pg.Client, segments: readonly Segment[]): Promise<void> {
  await client.query('delete from segment where id = any($1)', [segments.map(({ id }) => id)]);
  for (const { id } of segments) await client.query(`drop table batch_${id}`);
}

function toSegment(row: SegmentRow): Segment {
  return {
    id: row.id,
    period: Number(row.period),
    starts: row.starts.map(Number),
    isCompacted: row.is_compacted,
  };
}

function startsOf(topicId: number, { lowWater }: CataloguedTopic): readonly StoredStart[] {
  return lowWater.map((start, partition) => ({ topicId, partition, start }));
}
