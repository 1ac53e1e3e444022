import type { Cluster } from 'kafkajs';
import type { Batch, PartitionBounds, PartitionRef, Position } from '../log.ts';
import { fetchFrom, kafkaErrorName } from './kafka-client.ts';
import { PartitionFeed } from './partition-feed.ts';
import type { SharedRecords } from './shared-records.ts';

export interface RangeReaderOptions {
  readonly cluster: Cluster;
  readonly shared: SharedRecords;
  /** Undefined: there is no such partition. */
  readonly boundsOf: (ref: PartitionRef) => Promise<PartitionBounds | undefined>;
  /** Asks until it is answered, or patience is at its end. */
  readonly insist: <Answer>(doing: string, ask: () => Promise<Answer>) => Promise<Answer>;
}

/** Longer than a broker needs, and short enough that who reads beside it on the same connection hardly waits. */
const readWaitMs = 50;
const readBatch = { records: 500, bytes: 1_048_576 };

/** Reads what lies between two positions of a partition, once. All readings share a connection. */
export class RangeReader {
  readonly #options: RangeReaderOptions;
  #fetching: Promise<void> = Promise.resolve();

  constructor(options: RangeReaderOptions) {
    this.#options = options;
  }

  async *read(from: Position, until?: number): AsyncIterable<Batch> {
    const { boundsOf, shared } = this.#options;
    const { topic, partition } = from;
    const bounds = await boundsOf(from);
    if (bounds === undefined) throw new RangeError(`There is no partition ${partition} of ${topic}.`);
    const end = until ?? bounds.end;
    const feed = new PartitionFeed({ topic, partition }, Math.max(bounds.start, from.offset), shared);
    while (feed.position < Math.min(end, bounds.end)) {
      if (!feed.hasMore) await this.#fetch(feed);
      const batch = feed.take(readBatch.records, readBatch.bytes);
      if (batch === null) continue;
      const records = batch.records.filter(({ offset }) => offset < end);
      if (records.length > 0) yield { ...batch, records, end: Math.min(batch.end, end) };
    }
  }

  /**
   * One at a time: a broker answers a connection in turn anyway, and of several that find it not connected each would
   * make a connection, of which all but one are never closed.
   */
  #fetch(feed: PartitionFeed): Promise<void> {
    const fetching = this.#fetching.then(() => this.#fetchNow(feed));
    this.#fetching = fetching.catch(() => undefined);
    return fetching;
  }

  async #fetchNow(feed: PartitionFeed): Promise<void> {
    const { cluster, boundsOf, insist } = this.#options;
    const { topic, partition } = feed.ref;
    const [answer] = await insist('reading', async () => {
      const [nodeId = ''] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]));
      const broker = await cluster.findBroker({ nodeId });
      const wanted = { partition, fetchOffset: String(feed.fetchOffset), maxBytes: readBatch.bytes };
      try {
        return await fetchFrom(broker, {
          maxWaitTime: readWaitMs,
          minBytes: 1,
          maxBytes: 8 * readBatch.bytes,
          topics: [{ topic, partitions: [wanted] }],
        });
      } catch (error) {
        if (kafkaErrorName(error) !== 'OFFSET_OUT_OF_RANGE') throw error;
        // What was to come next has been deleted meanwhile.
        const bounds = await boundsOf(feed.ref);
        feed.seek(Math.max(bounds?.start ?? 0, feed.fetchOffset));
        return [];
      }
    });
    if (answer !== undefined) feed.accept(answer.fetched, true);
  }
}
