import { createPool, type Connection, type DatabasePool } from './pool.ts';

/** Connections of one pool at a moment. */
export interface PoolUsage {
  readonly pool: string;
  readonly busy: number;
  readonly idle: number;
  /** Callers that no connection is free for. */
  readonly waiting: number;
}

/** The pools of one process, one for each user of the database, so that nobody waits for another's work. */
export class Pools {
  readonly #onConnectionLost: (pool: string, error: Error) => void;
  readonly #pools: { readonly name: string; readonly pool: DatabasePool }[] = [];
  #isEnding = false;

  /** @param onConnectionLost told when an idle connection breaks */
  constructor(onConnectionLost: (pool: string, error: Error) => void) {
    this.#onConnectionLost = onConnectionLost;
  }

  open(connection: Connection, name: string, connections: number): DatabasePool {
    const onConnectionLost = (error: Error): void => {
      // The server may be faster to end what the pool gives up.
      if (!this.#isEnding) this.#onConnectionLost(name, error);
    };
    const pool = createPool(connection, { name, connections, onConnectionLost });
    this.#pools.push({ name, pool });
    return pool;
  }

  usage(): readonly PoolUsage[] {
    return this.#pools.map(({ name, pool: { totalCount, idleCount, waitingCount } }) => ({
      pool: name,
      busy: totalCount - idleCount,
      idle: idleCount,
      waiting: waitingCount,
    }));
  }

  /** Asks the server for nothing. Rejects when it does not answer. */
  async probe(): Promise<void> {
    await this.#pools[0]?.pool.query('select 1');
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await Promise.all(this.#pools.splice(0).map(({ pool }) => pool.end()));
  }
}
