import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Batch, StoredRecord } from '../../platform/log/log.ts';
import { isRetryable, persist } from '../../platform/log/persist.ts';
import type { PoisonRecord, TopicLog } from '../../platform/log/topic-log.ts';
import { isDatabaseAway } from '../../platform/postgres/failure.ts';
import type { RecordEvents } from './events.ts';
import type { HistoryTable } from './tables.ts';
import type { DatabasePool } from '../../platform/postgres/pool.ts';

export const recordGroup = 'record';

export interface TableWriterOptions {
  readonly log: Pick<TopicLog, 'bequeath'>;
  /** Logs in as `firebreak_writer`. */
  readonly pool: Pick<DatabasePool, 'query'>;
  readonly events: RecordEvents;
  /** After a statement that was not full, so that the next one is: history may lag this long, and costs a fraction. */
  readonly lingerMs?: number;
  /** Rows count as recorded when the log took their records, not now: history that is written again keeps its order. */
  readonly isRebuild?: boolean;
}

type Origin = Pick<Batch, 'topic' | 'partition'>;

interface Item<Row> {
  readonly origin: Origin;
  readonly record: StoredRecord;
  readonly row: Row;
}

/** A batch that waits to be written. */
interface Waiting<Row> {
  readonly items: readonly Item<Row>[];
  readonly settle: (isSettled: boolean) => void;
  readonly fail: (error: unknown) => void;
}

const fullStatementRows = 250;
const longestPauseMs = 5_000;

/**
 * Writes the batches of one topic to its table; those of several partitions that wait at a time go in one statement.
 * What cannot be read, or is refused row by row, goes to the dead letters and the rest stands. While the database or the
 * log is away the batch waits; stopped while it waits, it is given back.
 */
export class TableWriter<Row> {
  readonly #table: HistoryTable<Row>;
  readonly #options: TableWriterOptions;
  readonly #stopping = new AbortController();
  #waiting: Waiting<Row>[] = [];
  #isWriting = false;

  constructor(table: HistoryTable<Row>, options: TableWriterOptions) {
    this.#table = table;
    this.#options = options;
    // Every partition may be waiting at a time.
    setMaxListeners(0, this.#stopping.signal);
  }

  get topic(): string {
    return this.#table.topic;
  }

  /** @returns whether every record is settled: written, or in the dead letters */
  async write(batch: Batch): Promise<boolean> {
    const { items, poison } = this.#read(batch);
    if (!(await this.#insist(() => this.#bury(batch, poison, 'FB_RECORD_UNREADABLE')))) return false;
    if (items.length === 0) return true;
    return new Promise<boolean>((settle, fail) => {
      this.#waiting.push({ items, settle, fail });
      if (!this.#isWriting) void this.#writeWaiting();
    });
  }

  stop(): void {
    this.#stopping.abort();
  }

  #read(batch: Batch): { readonly items: readonly Item<Row>[]; readonly poison: readonly PoisonRecord[] } {
    const items: Item<Row>[] = [];
    const poison: PoisonRecord[] = [];
    for (const record of batch.records) {
      try {
        const row = this.#table.rowOf(
          this.#options.isRebuild === true ? { ...record, recordedAtMs: record.appendedAt } : record,
        );
        if (row !== null) items.push({ origin: batch, record, row });
      } catch (error) {
        poison.push({ record, detail: textOf(error) });
      }
    }
    return { items, poison };
  }

  /** Never rejects: what goes wrong is told to whoever waits for it. */
  async #writeWaiting(): Promise<void> {
    this.#isWriting = true;
    // A turn of the event loop for the other partitions of one answer of the log.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0) {
      const taken = this.#takeStatement();
      const items = this.#distinct(taken);
      try {
        const isSettled = await this.#insist(() => this.#insert(items));
        if (isSettled) this.#options.events.wrote(this.topic, items.length, oldestMs(items));
        for (const { settle } of taken) settle(isSettled);
      } catch (error) {
        for (const { fail } of taken) fail(error);
      }
      if (items.length < fullStatementRows) await this.#rest(this.#options.lingerMs ?? 50);
    }
    this.#isWriting = false;
  }

  #takeStatement(): readonly Waiting<Row>[] {
    let rows = 0;
    const enough = this.#waiting.findIndex(({ items }) => (rows += items.length) >= fullStatementRows);
    return this.#waiting.splice(0, enough < 0 ? this.#waiting.length : enough + 1);
  }

  #distinct(batches: readonly Waiting<Row>[]): readonly Item<Row>[] {
    const items = new Map<string, Item<Row>>();
    for (const item of batches.flatMap((batch) => batch.items)) {
      const identity = this.#table.identityOf(item.row);
      if (!items.has(identity)) items.set(identity, item);
    }
    return [...items.values()];
  }

  /** Halves what the database refuses, until the row that it refuses stands alone. */
  async #insert(items: readonly Item<Row>[]): Promise<void> {
    const [first, second] = items;
    if (first === undefined) return;
    try {
      await this.#table.write(
        this.#options.pool,
        items.map(({ row }) => row),
      );
    } catch (error) {
      if (isPassing(error) || isOurFault(error)) throw error;
      if (second === undefined)
        return this.#bury(
          first.origin,
          [{ record: first.record, detail: textOf(error) }],
          'FB_EFFECT_FAILED',
        );
      const middle = Math.ceil(items.length / 2);
      await this.#insert(items.slice(0, middle));
      await this.#insert(items.slice(middle));
    }
  }

  async #bury(
    origin: Origin,
    poison: readonly PoisonRecord[],
    code: 'FB_RECORD_UNREADABLE' | 'FB_EFFECT_FAILED',
  ): Promise<void> {
    if (poison.length === 0) return;
    await this.#options.log.bequeath(origin, recordGroup, poison, code);
    this.#options.events.poisoned(origin.topic, poison.length);
  }

  /** @returns false when stopped before it was done */
  async #insist(work: () => Promise<void>): Promise<boolean> {
    const done = await persist(() => work().then(() => true), {
      isWanted: () => !this.#stopping.signal.aborted,
      onRetry: (error, againInMs) => this.#options.events.retrying(this.topic, againInMs, error),
      isPassing,
      longestPauseMs,
    });
    return done === true;
  }

  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

function oldestMs(items: readonly Item<unknown>[]): number {
  return items.reduce((oldest, { record }) => Math.min(oldest, record.appendedAt), Date.now());
}

function isPassing(error: unknown): boolean {
  return isDatabaseAway(error) || isRetryable(error);
}

/** SQLSTATE classes that no row can cause: the statement, the rights or the schema are wrong. */
function isOurFault(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^(?:42|28|3D|3F|0A)/.test(code);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
