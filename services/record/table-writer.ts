import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { isFirebreakError } from '../../contracts/errors.ts';
import type { Batch, StoredRecord } from '../../platform/log/log.ts';
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
  /** After a batch that was not full, so that the next one is: history may lag this long, and costs a fraction. */
  readonly lingerMs?: number;
  /** Rows count as recorded when the log took their records, not now: history that is written again keeps its order. */
  readonly isRebuild?: boolean;
}

interface Item<Row> {
  readonly record: StoredRecord;
  readonly row: Row;
}

const fullBatchRecords = 250;
const firstPauseMs = 100;
const longestPauseMs = 5_000;

/**
 * Writes the batches of one topic to its table. What cannot be read, or is refused row by row, goes to the dead letters
 * and the rest stands. While the database or the log is away the batch waits; stopped while it waits, it is given back.
 */
export class TableWriter<Row> {
  readonly #table: HistoryTable<Row>;
  readonly #options: TableWriterOptions;
  readonly #stopping = new AbortController();

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
    const settled =
      (await this.#insist(() => this.#bury(batch, poison, 'FB_RECORD_UNREADABLE'))) &&
      (await this.#insist(() => this.#insert(batch, items)));
    if (!settled) return false;
    this.#options.events.wrote(batch.topic, items.length, batch.records[0]?.appendedAt ?? Date.now());
    if (batch.records.length < fullBatchRecords) await this.#rest(this.#options.lingerMs ?? 50);
    return true;
  }

  stop(): void {
    this.#stopping.abort();
  }

  #read(batch: Batch): { readonly items: readonly Item<Row>[]; readonly poison: readonly PoisonRecord[] } {
    const items = new Map<string, Item<Row>>();
    const poison: PoisonRecord[] = [];
    for (const record of batch.records) {
      try {
        const row = this.#table.rowOf(
          this.#options.isRebuild === true ? { ...record, recordedAtMs: record.appendedAt } : record,
        );
        if (row === null) continue;
        const identity = this.#table.identityOf(row);
        if (!items.has(identity)) items.set(identity, { record, row });
      } catch (error) {
        poison.push({ record, detail: textOf(error) });
      }
    }
    return { items: [...items.values()], poison };
  }

  /** Halves a batch that the database refuses, until the row that it refuses stands alone. */
  async #insert(batch: Batch, items: readonly Item<Row>[]): Promise<void> {
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
        return this.#bury(batch, [{ record: first.record, detail: textOf(error) }], 'FB_EFFECT_FAILED');
      const middle = Math.ceil(items.length / 2);
      await this.#insert(batch, items.slice(0, middle));
      await this.#insert(batch, items.slice(middle));
    }
  }

  async #bury(
    batch: Batch,
    poison: readonly PoisonRecord[],
    code: 'FB_RECORD_UNREADABLE' | 'FB_EFFECT_FAILED',
  ): Promise<void> {
    if (poison.length === 0) return;
    await this.#options.log.bequeath(batch, recordGroup, poison, code);
    this.#options.events.poisoned(batch.topic, poison.length);
  }

  /** @returns false when stopped before it was done */
  async #insist(work: () => Promise<void>): Promise<boolean> {
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
      try {
        await work();
        return true;
      } catch (error) {
        if (!isPassing(error)) throw error;
        if (this.#stopping.signal.aborted) return false;
        this.#options.events.retrying(this.topic, pauseMs, error);
      }
      await this.#rest(pauseMs);
    }
  }

  async #rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
  }
}

function isPassing(error: unknown): boolean {
  return isDatabaseAway(error) || (isFirebreakError(error) && error.retryable);
}

/** SQLSTATE classes that no row can cause: the statement, the rights or the schema are wrong. */
function isOurFault(error: unknown): boolean {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^(?:42|28|3D|3F|0A)/.test(code);
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
