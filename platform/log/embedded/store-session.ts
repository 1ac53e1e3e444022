import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import type pg from 'pg';
import { FirebreakError, isFirebreakError } from '../../../contracts/errors.ts';
import { createClient, type Connection } from '../../postgres/pool.ts';
import { StoreFailure } from './batch-store.ts';

/** Session lock of the one writer of a log database. */
const writerLock = 7_305_010;
const knownFormat = 1;
/**
 * The writer's connection. One piece of work runs at a time, so transactions never mix, and nothing
 * changes between what it looks at and what it does.
 *
 * connected → (the connection breaks) → broken → (`reconnect`) → connected; a broken session fails all work at once.
 */
export class StoreSession {
  readonly #connection: Connection;
  /** How long to wait for the session of a killed predecessor, which the server does not notice at once. */
  readonly #patienceMs: number;
  readonly #onBroken: (error: Error) => void;
  #client: pg.Client | undefined;
  #epoch = 0n;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(connection: Connection, patienceMs: number, onBroken: (error: Error) => void) {
    this.#connection = connection;
    this.#patienceMs = patienceMs;
    this.#onBroken = onBroken;
  }

  /** @throws StoreFailure, FB_DATA_NEWER */
  async open(): Promise<void> {
    const client = this.#newClient();
    try {
      await client.connect();
      await takeLock(client, this.#patienceMs);
      await refuseNewerFormat(client);
      await client.query(readFileSync(new URL('./schema.sql', import.meta.url), 'utf8'));
      this.#epoch = await raiseEpoch(client);
      this.#client = client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw isFirebreakError(error) ? error : toFailure(error);
    }
  }

  /** One attempt. @throws StoreFailure `fenced` when another writer was here meanwhile, `lost` otherwise */
  async reconnect(): Promise<void> {
    await this.close();
    const client = this.#newClient();
    try {
      await client.connect();
      const hasLock = await tryLock(client);
      const { rows } = await client.query<{ epoch: string }>('select epoch from log_writer');
      if (BigInt(rows[0]?.epoch ?? 0) !== this.#epoch)
        throw new StoreFailure('fenced', 'Another process has taken over the log.');
      // Our own last session may hold it still, not yet noticed to be gone.
      if (!hasLock) throw new StoreFailure('lost', 'The lock of the log is not free.');
      this.#client = client;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw toFailure(error);
    }
  }

  /** Not to be called within `work`. @throws StoreFailure */
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

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  #newClient(): pg.Client {
    const client = createClient(this.#connection, 'firebreak-log-writer');
    client.on('error', (error) => this.#lose(client, error));
    client.on('end', () => this.#lose(client, new Error('The connection ended.')));
    return client;
  }

  #lose(client: pg.Client, error: Error): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#onBroken(error);
  }
}

/** Before anything is changed: what the newer version made must stay as it is. */
async function refuseNewerFormat(client: pg.Client): Promise<void> {
  const found = await client.query<{ there: boolean }>(
    `select to_regclass('log_writer') is not null as there`,
  );
  if (found.rows[0]?.there !== true) return;
  const { rowCount } = await client.query('select 1 from log_writer where format > $1', [knownFormat]);
  if (rowCount === 0) return;
  const detail =
    'The log was written by a newer version: start that version, or choose another folder with FIREBREAK_DATA_DIR.';
  throw new FirebreakError('FB_DATA_NEWER', detail);
}

async function raiseEpoch(client: pg.Client): Promise<bigint> {
  const { rows } = await client.query<{ epoch: string }>(
    'update log_writer set epoch = epoch + 1 returning epoch',
  );
  return BigInt(rows[0]?.epoch ?? 0);
}

async function takeLock(client: pg.Client, patienceMs: number): Promise<void> {
  const giveUpAt = performance.now() + patienceMs;
  while (!(await tryLock(client))) {
    if (performance.now() >= giveUpAt)
      throw new StoreFailure('fenced', 'Another process is the writer of the log.');
    await sleep(100);
  }
}

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
    writerLock,
  ]);
  return rows[0]?.taken === true;
}

/** Runs `work` in a transaction of its own on a client that is given to nobody else meanwhile. */
export async function transaction<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('begin');
  try {
    const result = await work();
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback').catch(() => undefined);
    throw error;
  }
}

/** SQLSTATE classes in which the session or the whole server is ending: what was under way may have happened. */
const endingClasses = new Set(['08', '57', '58', 'XX']);

/** Mistakes of our own, by name: they are not to be waited out. */
const bugs = new Set(['TypeError', 'ReferenceError', 'RangeError', 'SyntaxError']);

/** @throws the error itself when it is a bug */
export function toFailure(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error;
  if (isNativeError(error) && bugs.has(error.name)) throw error;
  const message = isNativeError(error) ? error.message : String(error);
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
