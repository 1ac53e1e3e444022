import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { FirebreakError } from '../../../contracts/errors.ts';
import { createClient, type Connection } from '../../postgres/pool.ts';
import { StoreFailure } from './batch-store.ts';

/** Session lock of the one writer of a log database. */
const writerLock = 7_305_010;
const knownFormat = 1;
/** The server needs a moment to notice that the session of a killed predecessor is gone. */
const takeOverPatienceMs = 10_000;

/**
 * The writer's connection. Statements run one piece of work at a time, so transactions never mix.
 *
 * connected → (the connection breaks) → broken → (`reconnect`) → connected; a broken session fails all work at once.
 */
export class StoreSession {
  readonly #connection: Connection;
  readonly #onBroken: (error: Error) => void;
  #client: pg.Client | undefined;
  #epoch = 0n;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(connection: Connection, onBroken: (error: Error) => void) {
    this.#connection = connection;
    this.#onBroken = onBroken;
  }

  /** @throws StoreFailure `fenced`, FB_DATA_NEWER */
  async open(): Promise<void> {
    const client = await this.#connect(takeOverPatienceMs);
    await client.query(readFileSync(new URL('./schema.sql', import.meta.url), 'utf8'));
    const { rows } = await client.query<{ format: number; epoch: string }>(
      'update log_writer set epoch = epoch + case when format <= $1 then 1 else 0 end returning format, epoch',
      [knownFormat],
    );
    if ((rows[0]?.format ?? 0) > knownFormat) {
      await client.end();
      throw new FirebreakError(
        'FB_DATA_NEWER',
        'The log was written by a newer version: start that version, or choose another data folder.',
      );
    }
    this.#epoch = BigInt(rows[0]?.epoch ?? 0);
  }

  /** One attempt. @throws StoreFailure `fenced` when another writer was here meanwhile, `lost` otherwise */
  async reconnect(): Promise<void> {
    await this.close();
    try {
      const client = await this.#connect(0);
      const { rows } = await client.query<{ epoch: string }>('select epoch from log_writer');
      if (BigInt(rows[0]?.epoch ?? 0) === this.#epoch) return;
      await this.close();
    } catch (error) {
      await this.close();
      // Who holds the lock may be our own last session, not yet noticed to be gone.
      throw new StoreFailure('lost', 'The log database cannot be reached.', error);
    }
    throw new StoreFailure('fenced', 'Another process has taken over the log.');
  }

  /** @throws StoreFailure */
  async run<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    const turn = this.#queue.then(async () => {
      if (this.#client === undefined) throw new StoreFailure('lost', 'The log database is away.');
      return work(this.#client);
    });
    this.#queue = turn.catch(() => undefined);
    return turn.catch((error: unknown) => {
      throw toFailure(error);
    });
  }

  async transaction<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
    return this.run(async (client) => {
      await client.query('begin');
      try {
        const result = await work(client);
        await client.query('commit');
        return result;
      } catch (error) {
        await client.query('rollback').catch(() => undefined);
        throw error;
      }
    });
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  async #connect(patienceMs: number): Promise<pg.Client> {
    const client = createClient(this.#connection, 'firebreak-log-writer');
    client.on('error', (error) => this.#lose(client, error));
    client.on('end', () => this.#lose(client, new Error('The connection ended.')));
    await client.connect();
    try {
      await takeLock(client, patienceMs);
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
    return client;
  }

  #lose(client: pg.Client, error: Error): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#onBroken(error);
  }
}

async function takeLock(client: pg.Client, patienceMs: number): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
      writerLock,
    ]);
    if (rows[0]?.taken === true) return;
    if (performance.now() >= giveUpAt)
      throw new StoreFailure('fenced', 'Another process is the writer of the log.');
    await sleep(100);
  }
}

/** SQLSTATE classes in which the session or the whole server is ending: what was under way may have happened. */
const endingClasses = new Set(['08', '57', '58', 'XX']);

export function toFailure(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error;
  const message = error instanceof Error ? error.message : String(error);
  const state = sqlState(error);
  if (state === undefined || endingClasses.has(state.slice(0, 2)))
    return new StoreFailure('lost', message, error);
  return new StoreFailure('refused', message, error);
}

export function sqlState(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error) || !('severity' in error))
    return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
