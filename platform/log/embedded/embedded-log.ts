import { setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../../../contracts/errors.ts';
import { ensureDatabase } from '../../postgres/database.ts';
import type {
  Batch,
  ConsumeOptions,
  Consumer,
  FollowOptions,
  Log,
  LogRecord,
  PartitionBounds,
  PartitionLag,
  Position,
  StoredRecord,
  TopicSpec,
} from '../log.ts';
import { StoreFailure, type BatchStore } from './batch-store.ts';
import { ConsumerGroup } from './consumer-group.ts';
import { readFrames, sizeRecord } from './frame.ts';
import { Followers } from './followers.ts';
import { GroupOffsets } from './group-offsets.ts';
import type { Partition } from './partition.ts';
import { PageCache } from './page-cache.ts';
import type { ReaderOptions, RecordPage } from './partition-reader.ts';
import { PostgresBatchStore } from './postgres-batch-store.ts';
import { defaultSettings, type EmbeddedLogOptions, type EmbeddedLogSettings } from './settings.ts';
import { Slots } from './slots.ts';
import { Topics } from './topics.ts';
import { Writer } from './writer.ts';

const databaseName = 'firebreak_log';
const pageBytes = 524_288;
/** Not while everything starts. */
const firstExpiryMs = 60_000;
const expiryIntervalMs = 3_600_000;
const retryMs = 50;

/** Two readers that catch up cannot keep the writer and the live ones from their turn. */
const concurrentPages = 2;

/**
 * Opens the log of this process, for which it must be the only one.
 *
 * @throws FB_LOG_FENCED when another process has it open, FB_DATA_NEWER
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  await ensureDatabase(options.connection, databaseName);
  const settings = { ...defaultSettings, ...options };
  const opened: { log?: EmbeddedLog } = {};
  const store = new PostgresBatchStore({
    connection: { ...options.connection, database: databaseName },
    segmentMs: settings.segmentMs,
    patienceMs: settings.patienceMs,
    onBroken: (error) => opened.log?.connectionLost(error),
  });
  opened.log = new EmbeddedLog(store, settings);
  await opened.log.open();
  return opened.log;
}

/**
 * The log inside this process: one writer, its batches in a database, its newest ones in memory.
 * `writer.ts` has the states of writing, `partition-reader.ts` how reading changes between memory and database.
 */
export class EmbeddedLog implements Log {
  readonly #store: BatchStore;
  readonly #settings: EmbeddedLogSettings;
  readonly #topics = new Topics();
  readonly #groups = new Map<string, ConsumerGroup>();
  readonly #offsets = new GroupOffsets();
  readonly #slots = new Slots(concurrentPages);
  readonly #pages = new PageCache((partition, from, endsAt) => this.#loadPage(partition, from, endsAt));
  readonly #followers: Followers;
  readonly #writer: Writer;
  #expiry: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #expiring: Promise<void> | undefined;

  constructor(store: BatchStore, settings: EmbeddedLogSettings) {
    this.#store = store;
    this.#settings = settings;
    this.#followers = new Followers(this.#readerOptions());
    this.#writer = new Writer(store, this.#offsets, settings);
  }

  async open(): Promise<void> {
    const state = await this.#store.open().catch(async (error: unknown) => {
      await this.#store.close();
      throw asLogError(error);
    });
    this.#topics.load(state);
    this.#offsets.apply(state.commits);
    this.#expiry = setTimeout(() => void this.#expireRegularly(), firstExpiryMs).unref();
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<void> {
    for (const spec of topics) {
      if (!this.#topics.has(spec.name))
        this.#topics.add(await this.#ask(() => this.#store.createTopic(spec)));
      const adopted = this.#topics.adopt(spec);
      if (adopted !== undefined) await this.#ask(() => this.#store.updateTopic(adopted));
    }
  }

  async append(topic: string, records: readonly LogRecord[]): Promise<readonly Position[]> {
    const { partitions } = this.#topics.get(topic);
    const items = records.map((record) => {
      const partition = partitions[record.partition];
      if (partition === undefined)
        throw new RangeError(`Topic ${topic} has no partition ${record.partition}.`);
      return { partition, sized: sizeRecord(record, this.#settings.maxRecordBytes) };
    });
    return this.#writer.append(items);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    for (const topic of options.topics) this.#topics.get(topic);
    let group = this.#groups.get(options.group);
    if (group === undefined) this.#groups.set(options.group, (group = this.#newGroup(options.group)));
    return group.join(options);
  }

  read(from: Position, until?: number): AsyncIterable<Batch> {
    const partition = this.#topics.partition(from);
    let failingSince: number | undefined;
    const readPage = async (of: Partition, offset: number): Promise<RecordPage | undefined> => {
      const page = await this.#pages.get(of, offset);
      if (page !== undefined) failingSince = undefined;
      else if (performance.now() - (failingSince ??= performance.now()) > this.#settings.patienceMs) {
        throw new FirebreakError('FB_LOG_UNAVAILABLE', 'The log is away.', { retryAfterMs: 1_000 });
      }
      return page;
    };
    return this.#followers.read(partition, from.offset, Math.min(until ?? Infinity, partition.end), readPage);
  }

  async follow(options: FollowOptions): Promise<void> {
    const partitions = options.from.map((position) => this.#topics.partition(position));
    return this.#followers.follow(partitions, options);
  }

  async bounds(topic: string): Promise<readonly PartitionBounds[]> {
    return this.#topics.get(topic).partitions.map(({ index, start, end }) => ({
      topic,
      partition: index,
      start,
      end,
    }));
  }

  async ends(topic: string): Promise<readonly number[]> {
    return this.#topics.get(topic).partitions.map(({ end }) => end);
  }

  async lag(group: string, topics: readonly string[]): Promise<readonly PartitionLag[]> {
    return topics.flatMap((topic) =>
      this.#topics.get(topic).partitions.map(({ topicId, index, start, end }) => {
        const committed = this.#offsets.committed(group, topicId, index);
        return {
          topic,
          partition: index,
          committed,
          lag: Math.max(0, end - Math.max(committed ?? start, start)),
        };
      }),
    );
  }

  async deleteBefore(position: Position): Promise<void> {
    const { topicId, index, end, isCompacted } = this.#topics.partition(position);
    if (isCompacted)
      throw new RangeError(`Topic ${position.topic} is compacted; its keys are deleted by null values.`);
    const offset = Math.min(position.offset, end);
    await this.#ask(() => this.#store.deleteBefore(topicId, index, offset));
    this.#topics.moveStarts([{ topicId, partition: index, start: offset }]);
  }

  /**
   * The last values of these keys of a compacted topic; keys without one are absent. Not part of the port: with
   * Kafka, who needs them keeps them.
   */
  async latest(topic: string, keys: readonly string[]): Promise<ReadonlyMap<string, StoredRecord>> {
    if (keys.length === 0) return new Map();
    const records = await this.#ask(() => this.#store.latest(this.#topics.get(topic).stored.id, keys));
    return new Map(records.map((record) => [record.key, record]));
  }

  /** Drops what is past its retention, and compacts. Runs by itself a minute after the start and every hour. */
  async expire(): Promise<void> {
    this.#expiring ??= this.#expire().finally(() => (this.#expiring = undefined));
    return this.#expiring;
  }

  /** What the store reports when its connection breaks. */
  connectionLost(error: Error): void {
    this.#writer.connectionLost(error);
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    clearTimeout(this.#expiry);
    await Promise.all([...this.#groups.values()].map((group) => group.close()));
    await this.#followers.close();
    await this.#writer.close();
    await this.#store.close();
  }

  async #expireRegularly(): Promise<void> {
    await this.expire();
    if (this.#closing === undefined)
      this.#expiry = setTimeout(() => void this.#expireRegularly(), expiryIntervalMs).unref();
  }

  async #expire(): Promise<void> {
    try {
      this.#topics.moveStarts(await this.#store.expire(this.#topics.stored(), this.#settings.now()));
    } catch (error) {
      if (this.#closing === undefined) this.#settings.onEvent({ kind: 'expiry-failed', error });
    }
  }

  #newGroup(group: string): ConsumerGroup {
    return new ConsumerGroup({
      group,
      offsets: this.#offsets,
      partitions: (topic) => this.#topics.get(topic).partitions,
      reader: this.#readerOptions(),
      commit: ({ topicId, index }, offset) =>
        this.#writer.commit({ group, topicId, partition: index, offset }),
      onCommitFailed: (error) => this.#settings.onEvent({ kind: 'commit-failed', group, error }),
    });
  }

  #readerOptions(): Omit<ReaderOptions, 'position' | 'reset'> {
    return {
      readPage: (partition, from) => this.#pages.get(partition, from),
      onSkipped: ({ topic, index }, from, to) =>
        this.#settings.onEvent({ kind: 'skipped', topic, partition: index, from, to }),
    };
  }

  async #loadPage(
    { topicId, index }: Partition,
    from: number,
    endsAt: (end: number) => void,
  ): Promise<RecordPage | undefined> {
    try {
      const page = await this.#slots.run(() => this.#store.read(topicId, index, from, pageBytes));
      endsAt(page.end);
      return { records: page.frames.flatMap(readFrames), end: page.end };
    } catch (error) {
      if (!(error instanceof StoreFailure)) throw error;
      this.#settings.onEvent({ kind: 'read-failed', error });
      return undefined;
    }
  }

  /** What the database is asked beside the flushes can be asked again, and is, while the connection is away. */
  async #ask<T>(work: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + this.#settings.patienceMs;
    for (;;) {
      try {
        return await work();
      } catch (error) {
        const mayPass =
          error instanceof StoreFailure && error.kind === 'lost' && performance.now() < giveUpAt;
        if (!mayPass) throw asLogError(error);
        await sleep(retryMs);
      }
    }
  }
}

function asLogError(error: unknown): unknown {
  if (!(error instanceof StoreFailure)) return error;
  if (error.kind === 'fenced')
    return new FirebreakError('FB_LOG_FENCED', `${error.message} Stop one of the two.`, { cause: error });
  return new FirebreakError('FB_LOG_UNAVAILABLE', 'The log is away.', { retryAfterMs: 1_000, cause: error });
}
