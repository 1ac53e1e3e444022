import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin, Cluster } from 'kafkajs';
import { FirebreakError, isFirebreakError } from '../../../contracts/errors.ts';
import type {
  Batch,
  ConsumeOptions,
  Consumer,
  FollowOptions,
  Log,
  LogRecord,
  PartitionBounds,
  PartitionLag,
  PartitionRef,
  Position,
  TopicSpec,
} from '../log.ts';
import { Appender } from './appender.ts';
import { followPartitions } from './follower.ts';
import { isKafkaError, KafkaClient, toLogError } from './kafka-client.ts';
import { KafkaConsumer } from './kafka-consumer.ts';
import { createKafkaTopics } from './kafka-topics.ts';
import { RangeReader } from './range-reader.ts';
import { SharedQuestion } from './shared-question.ts';
import { SharedRecords } from './shared-records.ts';
import { defaultSettings, type KafkaLogOptions, type KafkaLogSettings } from './settings.ts';

const retryPauseMs = 200;
const servedWithinMs = 60_000;

/** @throws FB_LOG_UNAVAILABLE when no broker answers */
export async function openKafkaLog({ connection, ...settings }: KafkaLogOptions): Promise<KafkaLog> {
  const all = { ...defaultSettings, ...settings };
  const log = new KafkaLog(new KafkaClient(connection, all.onEvent), all);
  try {
    await log.connect();
  } catch (error) {
    await log.close();
    throw error;
  }
  return log;
}

/**
 * The log on Apache Kafka. Groups, followers and appends have connections of their own, because a broker answers the
 * requests of one connection in turn; short questions share one more.
 */
export class KafkaLog implements Log {
  readonly #client: KafkaClient;
  readonly #settings: KafkaLogSettings;
  readonly #admin: Admin;
  /** For short questions and for `read`. */
  readonly #cluster: Cluster;
  readonly #appender: Appender;
  readonly #reader: RangeReader;
  /** The partitions of a correlator ask at the same moments. */
  readonly #ends = new Map<string, SharedQuestion<readonly number[]>>();
  readonly #shared = new SharedRecords();
  readonly #consumers = new Set<KafkaConsumer>();
  readonly #following = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(client: KafkaClient, settings: KafkaLogSettings) {
    this.#client = client;
    this.#settings = settings;
    this.#admin = client.admin();
    this.#cluster = client.cluster();
    this.#appender = new Appender(settings, () => client.producer());
    this.#reader = new RangeReader({
      cluster: this.#cluster,
      shared: this.#shared,
      boundsOf: (ref) => this.#boundsOf(ref),
      insist: (doing, ask) => this.#insist(doing, ask),
    });
  }

  /** @throws FB_LOG_UNAVAILABLE */
  async connect(): Promise<void> {
    try {
      await Promise.all([this.#admin.connect(), this.#cluster.connect()]);
      // Who asks first at the same time would each make brokers of their own, and leave connections that nobody closes.
      await this.#cluster.refreshMetadata();
    } catch (error) {
      throw toLogError(error, 'connecting');
    }
  }

  /** Of the Kafka cluster, which gets another one when it is made anew. */
  async identity(): Promise<string> {
    return this.#insist('asking who it is', async () => (await this.#admin.describeCluster()).clusterId);
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    await this.#insist('creating topics', () => createKafkaTopics(this.#admin, topics, this.#settings));
    // A busy broker is named the leader of new partitions long before it takes that over.
    for (const { name } of topics) await this.#askEnds(name, servedWithinMs);
  }

  append(topic: string, records: readonly LogRecord[]): Promise<readonly Position[]> {
    return this.#appender.append(topic, records);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    const cluster = this.#client.cluster();
    try {
      await this.#connect(cluster, options.topics);
    } catch (error) {
      await cluster.disconnect();
      throw error;
    }
    const endReading = this.#shared.addReader(options.topics);
    const consumer = new KafkaConsumer(options, {
      cluster,
      settings: this.#settings,
      bounds: (topic) => this.bounds(topic),
      shared: this.#shared,
      onStopped: (stopped) => {
        this.#consumers.delete(stopped);
        endReading();
      },
    });
    this.#consumers.add(consumer);
    await consumer.start();
    return consumer;
  }

  read(from: Position, until?: number): AsyncIterable<Batch> {
    return this.#reader.read(from, until);
  }

  async follow(options: FollowOptions): Promise<void> {
    const following = this.#follow(options, AbortSignal.any([options.signal, this.#closing.signal]));
    const settled = following.catch(() => undefined);
    this.#following.add(settled);
    await following.finally(() => this.#following.delete(settled));
  }

  async bounds(topic: string): Promise<readonly PartitionBounds[]> {
    return this.#insist('asking for offsets', async () => {
      const partitions = await this.#partitionsOf(topic);
      const [starts, ends] = await Promise.all([
        this.#offsets(topic, partitions, true),
        this.#offsets(topic, partitions, false),
      ]);
      return partitions.map((partition) => {
        const [start = 0, end = 0] = [starts.get(partition), ends.get(partition)];
        return { topic, partition, start, end };
      });
    });
  }

  ends(topic: string): Promise<readonly number[]> {
    let question = this.#ends.get(topic);
    if (question === undefined) {
      question = new SharedQuestion(() => this.#askEnds(topic));
      this.#ends.set(topic, question);
    }
    return question.ask();
  }

  async lag(group: string, topics: readonly string[]): Promise<readonly PartitionLag[]> {
    const committed = await this.#insist('asking for committed offsets', () =>
      this.#admin.fetchOffsets({ groupId: group, topics: [...topics] }),
    );
    const bounds = await Promise.all(topics.map((topic) => this.bounds(topic)));
    return bounds.flat().map(({ topic, partition, start, end }) => {
      const found = committed.find((each) => each.topic === topic)?.partitions;
      const offset = Number(found?.find((each) => each.partition === partition)?.offset ?? -1);
      const from = offset < 0 ? start : Math.max(start, offset);
      return { topic, partition, committed: offset < 0 ? null : offset, lag: Math.max(0, end - from) };
    });
  }

  /** A partition that a consumer of this log has not got on with for long, by a handler that does not return. */
  get stuckAt(): PartitionRef | null {
    for (const { stuckAt } of this.#consumers) if (stuckAt !== null) return stuckAt;
    return null;
  }

  async deleteBefore({ topic, partition, offset }: Position): Promise<void> {
    await this.#insist('deleting records', async () => {
      // kafkajs looks for the leader before it asks who that is: a topic that was never asked for has none.
      await this.#admin.fetchTopicOffsets(topic);
      await this.#admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    });
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#consumers].map((consumer) => consumer.stop()));
    await Promise.all(this.#following);
    await this.#appender.close();
    await Promise.all([this.#admin.disconnect(), this.#cluster.disconnect()]);
  }

  async #follow(options: FollowOptions, signal: AbortSignal): Promise<void> {
    const cluster = this.#client.cluster();
    const topics = [...new Set(options.from.map(({ topic }) => topic))];
    const endReading = this.#shared.addReader(topics);
    try {
      await this.#connect(cluster, topics);
      const bounds = (await Promise.all(topics.map((topic) => this.bounds(topic)))).flat();
      await followPartitions(options, {
        cluster,
        settings: this.#settings,
        bounds: options.from.map((ref) => bounds.find((found) => isSame(found, ref))),
        boundsNow: (ref) => this.#boundsOf(ref),
        shared: this.#shared,
        signal,
      });
    } catch (error) {
      // Closed before it had begun: then it is over, too.
      if (!(signal.aborted && isFirebreakError(error) && error.code === 'FB_NOT_READY')) throw error;
    } finally {
      endReading();
      await cluster.disconnect();
    }
  }

  async #connect(cluster: Cluster, topics: readonly string[]): Promise<void> {
    await this.#insist('connecting', async () => {
      await cluster.connect();
      await cluster.addMultipleTargetTopics([...topics]);
    });
  }

  async #boundsOf(ref: PartitionRef): Promise<PartitionBounds | undefined> {
    return (await this.bounds(ref.topic)).find((found) => isSame(found, ref));
  }

  async #askEnds(topic: string, patienceMs = this.#settings.patienceMs): Promise<readonly number[]> {
    const ask = async () => {
      const partitions = await this.#partitionsOf(topic);
      const ends = await this.#offsets(topic, partitions, false);
      return partitions.map((partition) => ends.get(partition) ?? 0);
    };
    return this.#insist('asking for offsets', ask, patienceMs);
  }

  async #partitionsOf(topic: string): Promise<readonly number[]> {
    await this.#cluster.addMultipleTargetTopics([topic]);
    return this.#cluster
      .findTopicPartitionMetadata(topic)
      .map(({ partitionId }) => partitionId)
      .sort((a, b) => a - b);
  }

  async #offsets(
    topic: string,
    partitions: readonly number[],
    fromBeginning: boolean,
  ): Promise<ReadonlyMap<number, number>> {
    const wanted = partitions.map((partition) => ({ partition }));
    const [found] = await this.#cluster.fetchTopicsOffset([{ topic, partitions: wanted, fromBeginning }]);
    return new Map(found?.partitions.map(({ partition, offset }) => [partition, Number(offset)]) ?? []);
  }

  /** Asks until it is answered, or patience is at its end. @throws FB_LOG_UNAVAILABLE, FB_NOT_READY (closed) */
  async #insist<Answer>(
    doing: string,
    ask: () => Promise<Answer>,
    patienceMs = this.#settings.patienceMs,
  ): Promise<Answer> {
    const giveUpAtMs = Date.now() + patienceMs;
    for (;;) {
      if (this.#closing.signal.aborted) throw new FirebreakError('FB_NOT_READY', 'The log was closed.');
      try {
        return await ask();
      } catch (error) {
        if (!isKafkaError(error) || Date.now() > giveUpAtMs) throw toLogError(error, doing);
        this.#settings.onEvent({ kind: 'retrying', what: doing, error });
      }
      await sleep(retryPauseMs);
      await this.#cluster.refreshMetadata().catch(() => undefined);
    }
  }
}

function isSame(a: PartitionRef, b: PartitionRef): boolean {
  return a.topic === b.topic && a.partition === b.partition;
}
