import { expect } from '@jest/globals';
import type {
  Batch,
  ConsumeOptions,
  Consumer,
  Log,
  LogRecord,
  StoredRecord,
  TopicSpec,
} from '../../../../platform/log/log.ts';

/** One implementation of the log, running. */
export interface LogFixture {
  /** Another one after `restart`. */
  readonly log: Log;
  /** How long what has to happen may take. */
  readonly patienceMs: number;
  readonly maxRecordBytes: number;
  /** Closes the log and opens it again, as a restart of the process does. */
  restart(): Promise<void>;
  /** Breaks the connections between the log and its storage, which heal by themselves. */
  disturb(): Promise<void>;
  /** Makes the log compact what it may in this topic. */
  compact(topic: string): Promise<void>;
  /** Makes all that stands in this topic two days old, and the log drop what it may of it. */
  age(topic: string): Promise<void>;
  stop(): Promise<void>;
}

export type It = () => LogFixture;

let made = 0;

/** @returns the name of a new topic that no other test has */
export async function makeTopic({ log }: LogFixture, spec: Partial<TopicSpec> = {}): Promise<string> {
  const name = `suite-${process.pid}-${Date.now().toString(36)}-${made++}`;
  await log.createTopics([{ name, partitions: 1, retentionMs: null, compaction: null, ...spec }]);
  return name;
}

export function record(key: string, text: string | null = key, partition = 0): LogRecord {
  return { key, partition, value: text === null ? null : Buffer.from(text) };
}

/** Records whose keys are `n<from>` and so on. */
export function numbered(from: number, count: number, partition = 0): readonly LogRecord[] {
  return Array.from({ length: count }, (_, index) => record(`n${from + index}`, undefined, partition));
}

export function keysOf(records: readonly { readonly key: string }[]): readonly string[] {
  return records.map(({ key }) => key);
}

export function textOf({ value }: Pick<StoredRecord, 'value'>): string | null {
  return value === null ? null : Buffer.from(value).toString();
}

export async function readAll(
  log: Log,
  topic: string,
  partition = 0,
  from = 0,
): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  for await (const batch of log.read({ topic, partition, offset: from })) records.push(...batch.records);
  return records;
}

/** Joins a group, collects what comes, and settles every batch when told to. */
export async function collect(
  log: Log,
  group: string,
  topic: string,
  options: Partial<ConsumeOptions> & { readonly settle?: boolean } = {},
): Promise<{ readonly consumer: Consumer; readonly seen: StoredRecord[] }> {
  const seen: StoredRecord[] = [];
  const { settle = false, ...rest } = options;
  const consumer = await log.consume({
    group,
    topics: [topic],
    from: 'earliest',
    onFailed: (error) => {
      throw error;
    },
    handle: (batch, own) => {
      seen.push(...batch.records);
      if (settle) own.commit(endOf(batch));
    },
    ...rest,
  });
  return { consumer, seen };
}

export function endOf({ topic, partition, end }: Batch): {
  topic: string;
  partition: number;
  offset: number;
} {
  return { topic, partition, offset: end };
}

export function expectGrowing(records: readonly StoredRecord[]): void {
  let last = -1;
  for (const { offset } of records) {
    expect(offset).toBeGreaterThan(last);
    last = offset;
  }
}

/** Tries until the check holds. What it throws last is thrown when the patience is at its end. */
export async function eventually(check: () => unknown, patienceMs: number): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    try {
      await check();
      return;
    } catch (error) {
      if (performance.now() > giveUpAt) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** A door that stays shut until it is opened. */
export class Gate {
  #open: () => void = () => undefined;
  readonly passed = new Promise<void>((resolve) => (this.#open = resolve));

  open(): void {
    this.#open();
  }
}
