import type { ControlRecord } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { QueryEvents } from './events.ts';
import type { DatabasePool, DatabaseSession } from '../../platform/postgres/pool.ts';

export interface OutboxRelayOptions {
  /** Logs in as `firebreak_config`. One of its connections is kept for good. */
  readonly pool: Pick<DatabasePool, 'connect'>;
  readonly log: Pick<TopicLog, 'append'>;
  readonly events: QueryEvents;
  /** How often it looks without being poked: for what other processes left, and after failures. */
  readonly intervalMs?: number;
}

/** Any number will do, as long as nobody else takes it for something else. */
const relayLock = 7_305_003;
const mostPerRound = 1_000;

/**
 * Sends what changes of configuration left in the outbox to the control topic, in order, and deletes it once the log has
 * it. A crash in between sends it again: readers drop versions that they have seen.
 *
 * standby → (the advisory lock is free) → sender → (its connection breaks, or stop) → standby. There is one sender in all
 * processes, so records of one subject keep their order.
 */
export class OutboxRelay implements Part {
  readonly name = 'query.outbox-relay';
  readonly #options: OutboxRelayOptions;
  #client: DatabaseSession | null = null;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | null = null;
  #again = false;
  #stopped = true;

  constructor(options: OutboxRelayOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#stopped = false;
    this.#timer = setInterval(() => this.poke(), this.#options.intervalMs ?? 500);
    this.#timer.unref();
    this.poke();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped = true;
    await this.#running;
    this.#resign();
  }

  /** Looks at once; while it sends, once more afterwards. */
  poke(): void {
    this.#again = true;
    this.#running ??= this.#run().finally(() => (this.#running = null));
  }

  async #run(): Promise<void> {
    while (this.#again && !this.#stopped) {
      this.#again = false;
      try {
        const client = this.#client ?? (await this.#apply());
        if (client !== null) await this.#send(client);
      } catch (error) {
        this.#options.events.relayFailed(error);
        this.#resign();
      }
    }
  }

  /** @returns the connection that holds the lock; null while another process has it */
  async #apply(): Promise<DatabaseSession | null> {
    const client = await this.#options.pool.connect();
    try {
      client.on('error', () => this.#resign());
      const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock($1) as held', [
        relayLock,
      ]);
      if (rows[0]?.held !== true) {
        client.release(true);
        return null;
      }
    } catch (error) {
      client.release(true);
      throw error;
    }
    this.#client = client;
    this.#options.events.relayBecameSender();
    return client;
  }

  /** The lock goes with the connection. */
  #resign(): void {
    this.#client?.release(true);
    this.#client = null;
  }

  async #send(client: DatabaseSession): Promise<void> {
    for (;;) {
      const { rows } = await client.query<{ id: string; record: ControlRecord }>(
        `select id, record from config.outbox order by id limit ${mostPerRound}`,
      );
      if (rows.length === 0) return;
      await this.#options.log.append(
        topics.control,
        rows.map(({ record }) => record),
      );
      await client.query('delete from config.outbox where id = any($1::bigint[])', [
        rows.map(({ id }) => id),
      ]);
      this.#options.events.relayed(rows.length);
    }
  }
}
