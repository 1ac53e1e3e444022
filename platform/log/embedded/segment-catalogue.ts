import type { StoredStart, StoredTopic } from './batch-store.ts';
import { StoreFailure } from './batch-store.ts';
import type { StoreSession } from './store-session.ts';

interface Segment {
  readonly id: number;
  readonly period: number;
  /** By partition: the first offset that may lie in this segment. */
  readonly starts: readonly number[];
}

interface CataloguedTopic {
  readonly isCompacted: boolean;
  readonly lowWater: number[];
  /** Oldest first, without holes. */
  readonly segments: Segment[];
}

/** Where the records from `from` up to `until` lie; `end` when nothing lies there any more or yet. */
export type Step =
  | { readonly kind: 'latest'; readonly from: number; readonly until: number }
  | { readonly kind: 'batches'; readonly segmentId: number; readonly from: number; readonly until: number }
  | { readonly kind: 'end'; readonly from: number };

/**
 * Which segment holds which offsets, kept in memory and in the table `segment`.
 *
 * A low-water mark moves in memory first and in the database after, together with the drop of the tables: a reader
 * that finds a segment empty asks here again whether it is still there.
 */
export class SegmentCatalogue {
  readonly #session: StoreSession;
  readonly #segmentMs: number;
  readonly #topics = new Map<number, CataloguedTopic>();

  constructor(session: StoreSession, segmentMs: number) {
    this.#session = session;
    this.#segmentMs = segmentMs;
  }

  async load(): Promise<void> {
    const { partitions, segments } = await this.#session.run(async (client) => ({
      partitions: await client.query<{ topic_id: number; is_compacted: boolean; low_water: string }>(
        `select topic_id, compaction_min_lag_ms is not null as is_compacted, low_water
         from topic_partition join topic on topic.id = topic_id order by topic_id, partition`,
      ),
      segments: await client.query<SegmentRow>(
        'select id, topic_id, period, starts from segment order by topic_id, period',
      ),
    }));
    this.#topics.clear();
    for (const row of partitions.rows) {
      const topic = this.#topics.get(row.topic_id) ?? {
        isCompacted: row.is_compacted,
        lowWater: [],
        segments: [],
      };
      topic.lowWater.push(Number(row.low_water));
      this.#topics.set(row.topic_id, topic);
    }
    for (const row of segments.rows) this.#topic(row.topic_id).segments.push(toSegment(row));
  }

  add({ id, partitions, compaction }: StoredTopic): void {
    this.#topics.set(id, {
      isCompacted: compaction !== null,
      lowWater: Array<number>(partitions).fill(0),
      segments: [],
    });
  }

  /** By partition: below it there are no batches; what compacted topics have there is in `latest`. */
  starts(): readonly StoredStart[] {
    return [...this.#topics].flatMap(([topicId, topic]) => startsOf(topicId, topic));
  }

  locate(topicId: number, partition: number, at: number): Step {
    const { isCompacted, lowWater, segments } = this.#topic(topicId);
    const low = lowWater[partition] ?? 0;
    if (at < low && isCompacted) return { kind: 'latest', from: at, until: low };
    const from = Math.max(at, low);
    const index = segments.findLastIndex(({ starts }) => (starts[partition] ?? 0) <= from);
    const segment = segments[index];
    if (segment === undefined) return { kind: 'end', from };
    return {
      kind: 'batches',
      segmentId: segment.id,
      from,
      until: segments[index + 1]?.starts[partition] ?? Infinity,
    };
  }

  has(topicId: number, segmentId: number): boolean {
    return this.#topic(topicId).segments.some(({ id }) => id === segmentId);
  }

  /** @returns the segment that a record appended `at` goes into, made when it is the first of its period */
  async segmentFor(topicId: number, at: number): Promise<number> {
    const { segments } = this.#topic(topicId);
    const period = Math.floor(at / this.#segmentMs);
    const newest = segments.at(-1);
    if (newest !== undefined && newest.period >= period) return newest.id;
    const made = await this.#session.transaction(async (client) => {
      const { rows } = await client.query<SegmentRow>(
        `insert into segment (topic_id, period, starts)
         select $1, $2, array_agg(next_offset order by partition) from topic_partition where topic_id = $1
         returning id, topic_id, period, starts`,
        [topicId, period],
      );
      const [row] = rows;
      if (row === undefined) throw new StoreFailure('refused', `There is no topic ${topicId}.`);
      await client.query(`create table batch_${row.id} partition of batch for values in (${row.id})`);
      return toSegment(row);
    });
    segments.push(made);
    return made.id;
  }

  async deleteBefore(topicId: number, partition: number, offset: number): Promise<void> {
    const topic = this.#topic(topicId);
    if (offset <= (topic.lowWater[partition] ?? 0)) return;
    topic.lowWater[partition] = offset;
    const kept = topic.segments
      .slice(1)
      .findIndex(({ starts }) => starts.some((start, p) => start > (topic.lowWater[p] ?? 0)));
    await this.#drop(topicId, kept === -1 ? Math.max(topic.segments.length - 1, 0) : kept);
  }

  /** Drops the segments of which every record is older than `keepMs`. @returns the starts, when they moved */
  async expire(topicId: number, now: number, keepMs: number): Promise<readonly StoredStart[]> {
    const topic = this.#topic(topicId);
    const isOld = ({ period }: Segment): boolean => (period + 1) * this.#segmentMs + keepMs <= now;
    const firstKept = topic.segments.findIndex((segment) => !isOld(segment));
    if (firstKept === 0 || topic.segments.length === 0) return [];
    // The starts of a successor say where a segment ends, so the newest one needs a successor before it can go.
    if (firstKept === -1) await this.segmentFor(topicId, now);
    const dropped = firstKept === -1 ? topic.segments.length - 1 : firstKept;
    const { starts = [] } = topic.segments[dropped] ?? {};
    starts.forEach(
      (start, partition) => (topic.lowWater[partition] = Math.max(start, topic.lowWater[partition] ?? 0)),
    );
    await this.#drop(topicId, dropped);
    return startsOf(topicId, topic);
  }

  async #drop(topicId: number, count: number): Promise<void> {
    const { lowWater, segments } = this.#topic(topicId);
    const dropped = segments.splice(0, count).map(({ id }) => id);
    try {
      await this.#session.transaction(async (client) => {
        await client.query(
          `update topic_partition set low_water = given.low_water from unnest($2::bigint[]) with ordinality as given (low_water, number)
           where topic_id = $1 and partition = number - 1`,
          [topicId, lowWater],
        );
        await client.query('delete from segment where id = any($1)', [dropped]);
        for (const id of dropped) await client.query(`drop table batch_${id}`);
      });
    } catch (error) {
      // What the database kept has to be read as before; the next attempt starts from there.
      await this.load().catch(() => undefined);
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
}

function toSegment(row: SegmentRow): Segment {
  return { id: row.id, period: Number(row.period), starts: row.starts.map(Number) };
}

function startsOf(topicId: number, { lowWater }: CataloguedTopic): readonly StoredStart[] {
  return lowWater.map((start, partition) => ({ topicId, partition, start }));
}
