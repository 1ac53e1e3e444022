import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from 'kafkajs';
import { fetchFrom, isKafkaError, kafkaErrorName, type FetchRequest } from './kafka-client.ts';
import type { PartitionFeed } from './partition-feed.ts';
import type { KafkaLogEvent } from './settings.ts';

export interface FetcherOptions {
  /** Connections of this fetcher alone; the topics are known to it. */
  readonly cluster: Cluster;
  readonly waitMs: number;
  readonly onEvent: (event: KafkaLogEvent) => void;
  /** Something came into a feed. */
  readonly onFed: (feed: PartitionFeed) => void;
  /** The log does not have the offset (any more): where to go on. */
  readonly resetTo: (feed: PartitionFeed) => Promise<number>;
  /** Not of Kafka: a bug. */
  readonly onFailed: (error: unknown) => void;
}

/** At least one record comes, however large; the rest of a large answer waits. */
const maxAnswerBytes = 8 * 1_048_576;
const maxPartitionBytes = 1_048_576;
const firstPauseMs = 50;
const longestPauseMs = 2000;

/**
 * Keeps feeds filled: one request at a time to each broker, for all its partitions that want more. A broker that has
 * nothing answers after `waitMs`; what begins to want more meanwhile waits that long at most.
 */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #feeds = new Set<PartitionFeed>();
  /** Brokers that are asked now. */
  readonly #asked = new Map<string, Promise<void>>();
  #isClosed = false;
  #pauseMs = firstPauseMs;

  constructor(options: FetcherOptions) {
    this.#options = options;
  }

  add(feeds: readonly PartitionFeed[]): void {
    for (const feed of feeds) this.#feeds.add(feed);
    this.poke();
  }

  remove(feeds: readonly PartitionFeed[]): void {
    for (const feed of feeds) this.#feeds.delete(feed);
  }

  /** Asks every broker that is not asked yet and has what is wanted. To be called when a feed begins to want more. */
  poke(): void {
    if (this.#isClosed) return;
    for (const [nodeId, feeds] of this.#wantedByLeader()) {
      if (this.#asked.has(nodeId)) continue;
      const asking = this.#ask(nodeId, feeds).then(
        () => {
          this.#asked.delete(nodeId);
          this.poke();
        },
        (error: unknown) => this.#options.onFailed(error),
      );
      this.#asked.set(nodeId, asking);
    }
  }

  /** Ends the connections; no feed gets anything afterwards. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#options.cluster.disconnect();
    await Promise.all(this.#asked.values());
  }

  #wantedByLeader(): ReadonlyMap<string, readonly PartitionFeed[]> {
    const wanted = new Map<string, PartitionFeed[]>();
    for (const feed of this.#feeds) {
      if (!feed.wantsMore) continue;
      const leader = this.#leaderOf(feed);
      const feeds = wanted.get(leader);
      if (feeds === undefined) wanted.set(leader, [feed]);
      else feeds.push(feed);
    }
    return wanted;
  }

  /** @returns the node id, or none where no broker leads the partition now: asking for it reads the metadata again */
  #leaderOf({ ref }: PartitionFeed): string {
    try {
      const leaders = this.#options.cluster.findLeaderForPartitions(ref.topic, [ref.partition]);
      return Object.keys(leaders)[0] ?? '';
    } catch (error) {
      if (!isKafkaError(error)) throw error;
      return '';
    }
  }

  async #ask(nodeId: string, wanted: readonly PartitionFeed[]): Promise<void> {
    const { cluster, onEvent, onFed } = this.#options;
    const doubtful = wanted.find(({ isDoubtful }) => isDoubtful);
    const feeds = doubtful === undefined ? wanted : [doubtful];
    const epochs = feeds.map(({ epoch }) => epoch);
    try {
      const broker = await cluster.findBroker({ nodeId });
      const answer = await fetchFrom(broker, this.#request(feeds));
      this.#pauseMs = firstPauseMs;
      for (const { topic, fetched } of answer) {
        const index = feeds.findIndex(
          ({ ref }) => ref.topic === topic && ref.partition === fetched.partition,
        );
        const feed = feeds[index];
        if (feed === undefined || feed.epoch !== epochs[index] || !this.#feeds.has(feed)) continue;
        feed.accept(fetched, feeds.length === 1);
        if (feed.hasMore) onFed(feed);
      }
    } catch (error) {
      if (!isKafkaError(error)) throw error;
      if (this.#isClosed) return;
      onEvent({ kind: 'retrying', what: 'fetching', error });
      await this.#recover(error, feeds);
    }
  }

  #request(feeds: readonly PartitionFeed[]): FetchRequest {
    const topics = new Map<string, FetchRequest['topics'][number]>();
    for (const { ref, fetchOffset } of feeds) {
      const entry = topics.get(ref.topic) ?? { topic: ref.topic, partitions: [] };
      topics.set(ref.topic, entry);
      const { partition } = ref;
      entry.partitions.push({
        partition,
        fetchOffset: String(fetchOffset),
        maxBytes: maxPartitionBytes,
      });
    }
    return {
      maxWaitTime: this.#options.waitMs,
      minBytes: 1,
      maxBytes: maxAnswerBytes,
      topics: [...topics.values()],
    };
  }

  /** Never rejects: the next question tells more. */
  async #recover(error: unknown, feeds: readonly PartitionFeed[]): Promise<void> {
    const { cluster, onEvent } = this.#options;
    try {
      if (kafkaErrorName(error) === 'OFFSET_OUT_OF_RANGE') {
        await Promise.all(feeds.map((feed) => this.#reset(feed)));
        return;
      }
      if (kafkaErrorName(error) === 'KafkaJSConnectionClosedError')
        cluster.removeBroker(error as { readonly host: string; readonly port: number });
      await sleep(this.#pauseMs);
      this.#pauseMs = Math.min(2 * this.#pauseMs, longestPauseMs);
      await cluster.refreshMetadata();
    } catch (failure) {
      onEvent({ kind: 'retrying', what: 'finding the brokers', error: failure });
    }
  }

  /** The answer names only one of the partitions: each is looked at. */
  async #reset(feed: PartitionFeed): Promise<void> {
    const { epoch, fetchOffset: from, ref } = feed;
    const to = await this.#options.resetTo(feed);
    if (to === from || feed.epoch !== epoch) return;
    this.#options.onEvent({ kind: 'skipped', ...ref, from, to });
    feed.seek(to);
  }
}
