import { FirebreakError, isFirebreakError, type ErrorCode } from '../../contracts/errors.ts';
import { toTimestamp } from '../../contracts/ids.ts';
import { defaultLimits, type Limits } from '../../contracts/limits.ts';
import type { DeadLetter } from '../../contracts/records.ts';
import { topics, type Topic } from '../../contracts/topics.ts';
import type { Batch, Log, Position, StoredRecord, TopicSpec } from './log.ts';
import { place } from './place.ts';
import { schemaHeader, writersMark } from './writers-mark.ts';
import { dropUnknownKeys } from './unknown-keys.ts';

/** Headers that travel with a record: the trace it belongs to. */
export type RecordHeaders = Readonly<Record<string, string>>;

/** A record with its value parsed by the schema of its topic; null is a tombstone. */
export interface TypedRecord<Value> {
  readonly offset: number;
  readonly key: string;
  readonly value: Value | null;
  readonly headers: RecordHeaders;
  readonly appendedAt: number;
}

/** A record that its schema refuses, and why. */
export interface PoisonRecord {
  readonly record: StoredRecord;
  readonly detail: string;
}

const decoder = new TextDecoder('utf-8', { fatal: true });

/** The log as the services use it: topics by their descriptors, values by their schemas. */
export class TopicLog {
  readonly #partitions: number;
  readonly log: Log;

  /** @param partitions of every topic placed by artifact, and of every other one: they share one count, so that co-partitioning needs no thought */
  constructor(log: Log, partitions: number) {
    this.log = log;
    this.#partitions = partitions;
  }

  /** Creates every topic of the contract, kept as long as the limits say. @throws FB_TOPIC_CONFLICT */
  async createTopics(limits: Limits = defaultLimits): Promise<void> {
    await this.log.createTopics(
      Object.values(topics).map((topic) => topicSpec(topic, this.#partitions, limits)),
    );
  }

  /** Resolves when all values are durable, with their positions in order. */
  async append<Value>(
    topic: Topic<Value>,
    values: readonly Value[],
    headers?: (index: number) => RecordHeaders,
  ): Promise<readonly Position[]> {
    if (values.length === 0) return [];
    const mark = writersMark(topic);
    const records = values.map((value, index) => ({
      key: topic.keyOf(value),
      partition: place(topic.placeOf(value), this.#partitions),
      value: Buffer.from(JSON.stringify(value)),
      content: value,
      headers: { ...headers?.(index), [schemaHeader]: mark },
    }));
    return this.log.append(topic.name, records);
  }

  /** Appends null values: compaction then forgets the keys. `places` are what the topic's `placeOf` gave for them. */
  async bury<Value>(
    topic: Topic<Value>,
    dead: readonly { readonly key: string; readonly place: string }[],
  ): Promise<void> {
    if (dead.length === 0) return;
    await this.log.append(
      topic.name,
      dead.map(({ key, place: where }) => ({ key, partition: place(where, this.#partitions), value: null })),
    );
  }

  /** Puts records untouched into the dead letters, with origin and error code. */
  async bequeath(
    origin: Pick<Batch, 'topic' | 'partition'>,
    group: string,
    dead: readonly PoisonRecord[],
    code: ErrorCode,
  ): Promise<void> {
    const failedAt = toTimestamp(Date.now());
    const letters = dead.map(({ record, detail }): DeadLetter => {
      const { offset, key, value, headers } = record;
      const valueBase64 = Buffer.from(value ?? new Uint8Array()).toString('base64');
      return {
        topic: origin.topic,
        partition: origin.partition,
        offset,
        group,
        key,
        valueBase64,
        headers: { ...headers },
        code,
        detail: detail.slice(0, 2000),
        failedAt,
      };
    });
    await this.append(topics.deadLetters, letters);
  }
}

function topicSpec(
  topic: Pick<Topic<unknown>, 'name' | 'retention' | 'compaction'>,
  partitions: number,
  limits: Limits,
): TopicSpec {
  const { name, retention, compaction } = topic;
  return { name, partitions, retentionMs: retention === null ? null : limits[retention], compaction };
}

/** Parses a batch by the schema of its topic. What cannot be read comes back as poison, for the dead letters; the rest stands. */
export function parseBatch<Value>(
  topic: Topic<Value>,
  batch: Batch,
): { readonly records: readonly TypedRecord<Value>[]; readonly poison: readonly PoisonRecord[] } {
  const records: TypedRecord<Value>[] = [];
  const poison: PoisonRecord[] = [];
  for (const record of batch.records) {
    const { offset, key, headers, appendedAt } = record;
    try {
      records.push({ offset, key, headers, appendedAt, value: readValue(topic, record) });
    } catch (error) {
      poison.push({ record, detail: isFirebreakError(error) ? error.message : String(error) });
    }
  }
  return { records, poison };
}

/**
 * @returns null for a tombstone. What this process itself appended, or has read, is not parsed again: it was typed when
 *   it was made, and never changes. What another process of the same version appended is only taken from its JSON
 * @throws FB_RECORD_UNREADABLE when the bytes are not JSON, or not of the topic's schema where it is held against it
 */
export function readValue<Value>(
  topic: Topic<Value>,
  record: Pick<StoredRecord, 'value' | 'content'> & Partial<Pick<StoredRecord, 'headers'>>,
): Value | null {
  if (record.content !== undefined) return record.content as Value;
  const { value: bytes, headers } = record;
  const isTyped = bytes !== null && headers?.[schemaHeader] === writersMark(topic);
  const value = isTyped ? (readJson(bytes) as Value) : parseValue(topic, bytes);
  // Several groups that catch up are handed the same record of the same page.
  if (value !== null) record.content = value;
  return value;
}

/**
 * Fields that this version does not know are passed over, also where the interface refuses them.
 * @throws FB_RECORD_UNREADABLE when the bytes are not JSON of the topic's schema
 */
export function parseValue<Value>(topic: Topic<Value>, value: Uint8Array | null): Value | null {
  if (value === null) return null;
  const json = readJson(value);
  let parsed = topic.schema.safeParse(json);
  if (!parsed.success && dropUnknownKeys(json, parsed.error.issues)) parsed = topic.schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new FirebreakError(
    'FB_RECORD_UNREADABLE',
    `Not a value of ${topic.name}: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`,
  );
}

function readJson(value: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(value));
  } catch (cause) {
    throw new FirebreakError('FB_RECORD_UNREADABLE', `The value is not JSON in UTF-8.`, { cause });
  }
}
