import { setTimeout as sleep } from 'node:timers/promises';
import { CompressionTypes, type Producer } from 'kafkajs';
import { FirebreakError } from '../../../contracts/errors.ts';
import { groupBy } from '../../../contracts/group-by.ts';
import type { LogRecord, Position } from '../log.ts';
import { isKafkaError, isRefused, kafkaErrorName, toLogError } from './kafka-client.ts';
import type { KafkaLogSettings } from './settings.ts';

interface Queued {
  readonly topic: string;
  readonly record: LogRecord;
  readonly bytes: number;
  readonly append: Append;
  /** Place in its append. */
  readonly index: number;
}

interface Append {
  readonly positions: Position[];
  missing: number;
  readonly resolve: (positions: readonly Position[]) => void;
  readonly reject: (error: unknown) => void;
  hasFailed: boolean;
}

/** What Kafka's record format adds to key, value and headers, at most. */
const recordOverheadBytes = 64;
const retryPauseMs = 100;
/** Average of a request's partitions from which they are compressed. */
const compressFromBytes = 16 * 1024;

/**
 * Appends in the order of the calls, one request under way at a time; what queues meanwhile goes with the next one.
 *
 * A producer whose request failed for good is given up: the brokers may have taken what it believes to have failed, and
 * would take the next records, which get the same numbers, for a repetition. The next request has a new producer.
 */
export class Appender {
  readonly #settings: KafkaLogSettings;
  readonly #makeProducer: () => Producer;
  #producer: Promise<Producer> | undefined;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #sending: Promise<void> | undefined;
  #isClosed = false;

  constructor(settings: KafkaLogSettings, makeProducer: () => Producer) {
    this.#settings = settings;
    this.#makeProducer = makeProducer;
  }

  /** @throws FB_LOG_FULL, FB_LOG_UNAVAILABLE, FB_RECORD_TOO_LARGE, FB_NOT_READY */
  async append(topic: string, records: readonly LogRecord[]): Promise<readonly Position[]> {
    if (this.#isClosed) throw new FirebreakError('FB_NOT_READY', 'The log was closed.');
    if (records.length === 0) return [];
    const sizes = records.map((record) => this.#sizeOf(record));
    const bytes = sizes.reduce((sum, size) => sum + size, 0);
    if (this.#queuedBytes > 0 && this.#queuedBytes + bytes > this.#settings.maxQueueBytes)
      throw new FirebreakError('FB_LOG_FULL', `${this.#queuedBytes} bytes wait for Kafka already.`);
    return new Promise((resolve, reject) => {
      const append: Append = { positions: [], missing: records.length, resolve, reject, hasFailed: false };
      records.forEach((record, index) => {
        this.#queue.push({ topic, record, bytes: sizes[index] ?? 0, append, index });
      });
      this.#queuedBytes += bytes;
      this.#sending ??= this.#send();
    });
  }

  /** Finishes what was appended. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#sending;
    await (await this.#producer?.catch(() => undefined))?.disconnect();
  }

  #sizeOf({ key, value, headers = {} }: LogRecord): number {
    const texts = [key, ...Object.entries(headers).flat()];
    const size = texts.reduce((sum, text) => sum + Buffer.byteLength(text), value?.length ?? 0);
    if (size > this.#settings.maxRecordBytes)
      throw new FirebreakError(
        'FB_RECORD_TOO_LARGE',
        `A record of ${size} bytes; the log takes ${this.#settings.maxRecordBytes}.`,
      );
    return size + recordOverheadBytes;
  }

  async #send(): Promise<void> {
    // A turn of the event loop for what is appended in this one.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#queue.length > 0) {
      const portion = this.#takePortion();
      try {
        await this.#sendPortion(portion);
      } catch (error) {
        for (const { append } of portion) fail(append, toAppendError(error));
      }
    }
    this.#sending = undefined;
  }

  /** As much as one request takes, and as one batch of a partition takes: Kafka bounds both like one record. */
  #takePortion(): readonly Queued[] {
    const { maxFlushBytes, maxRecordBytes } = this.#settings;
    const byPartition = new Map<string, number>();
    let bytes = 0;
    let taken = 0;
    for (const { topic, record, bytes: size } of this.#queue) {
      const name = `${topic}/${record.partition}`;
      const sum = (byPartition.get(name) ?? 0) + size;
      if (taken > 0 && (bytes + size > maxFlushBytes || sum > maxRecordBytes)) break;
      byPartition.set(name, sum);
      bytes += size;
      taken += 1;
    }
    const portion = this.#queue.slice(0, taken);
    this.#queue = this.#queue.slice(taken);
    this.#queuedBytes -= bytes;
    return portion.filter(({ append }) => !append.hasFailed);
  }

  async #sendPortion(portion: readonly Queued[]): Promise<void> {
    if (portion.length === 0) return;
    const topicMessages = [...groupBy(portion, ({ topic }) => topic)].map(([topic, queued]) => ({
      topic,
      messages: queued.map(({ record: { key, partition, value, headers } }) => ({
        key,
        partition,
        value: value === null ? null : asBuffer(value),
        ...(headers !== undefined && { headers: { ...headers } }),
      })),
    }));
    const answers = await this.#sendBatch({ topicMessages, acks: -1, compression: compressionOf(portion) });
    const next = new Map(
      answers.map(({ topicName, partition, baseOffset }) => [
        `${topicName}/${partition}`,
        Number(baseOffset),
      ]),
    );
    for (const { topic, record, append, index } of portion) {
      const name = `${topic}/${record.partition}`;
      const offset = next.get(name);
      if (offset === undefined) throw new Error(`Kafka did not say where the records of ${name} are.`);
      next.set(name, offset + 1);
      append.positions[index] = { topic, partition: record.partition, offset };
      append.missing -= 1;
      if (append.missing === 0) append.resolve(append.positions);
    }
  }

  /**
   * Tries until patience is at its end: kafkajs gives up at once when a connection closes at the wrong moment. The same
   * producer numbers the same records alike, so what had landed does not land twice.
   */
  async #sendBatch(batch: Parameters<Producer['sendBatch']>[0]) {
    const giveUpAtMs = Date.now() + this.#settings.patienceMs;
    for (;;) {
      this.#producer ??= this.#connect();
      const producer = this.#producer;
      try {
        return await (await producer).sendBatch(batch);
      } catch (error) {
        const isOver = !isWorthRepeating(error) || Date.now() > giveUpAtMs;
        if (isOver || hasLostCount(error)) {
          this.#producer = undefined;
          void producer.then((old) => old.disconnect()).catch(() => undefined);
        }
        if (isOver) throw error;
        this.#settings.onEvent({ kind: 'retrying', what: 'appending', error });
      }
      await sleep(retryPauseMs);
    }
  }

  async #connect(): Promise<Producer> {
    const producer = this.#makeProducer();
    try {
      await producer.connect();
    } catch (error) {
      this.#producer = undefined;
      throw error;
    }
    return producer;
  }
}

/** Kafka compresses each partition's records apart: of few of them little is saved, for as much work at every reader. */
function compressionOf(portion: readonly Queued[]): CompressionTypes {
  const partitions = new Set(portion.map(({ topic, record }) => `${topic}/${record.partition}`));
  const bytes = portion.reduce((sum, { bytes: size }) => sum + size, 0);
  return bytes / partitions.size < compressFromBytes ? CompressionTypes.None : CompressionTypes.LZ4;
}

/** The brokers' numbering of what this producer sent is not the producer's. */
function hasLostCount(error: unknown): boolean {
  const names = ['OUT_OF_ORDER_SEQUENCE_NUMBER', 'UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH'];
  return names.includes(kafkaErrorName(error));
}

/** Connections heal; of what the brokers refuse, they say themselves whether asking again may help. */
function isWorthRepeating(error: unknown): boolean {
  if (!isKafkaError(error)) return false;
  return hasLostCount(error) || !isRefused(error);
}

function asBuffer(value: Uint8Array): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function fail(append: Append, error: unknown): void {
  append.hasFailed = true;
  append.reject(error);
}

function toAppendError(error: unknown): unknown {
  if (isKafkaError(error) && kafkaErrorName(error) === 'MESSAGE_TOO_LARGE')
    return new FirebreakError('FB_RECORD_TOO_LARGE', 'Kafka takes no record of this size.', { cause: error });
  return toLogError(error, 'appending');
}
