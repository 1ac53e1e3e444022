import type { Limits } from '../../contracts/limits.ts';
import { orUnavailable } from '../../platform/postgres/failure.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { RecordEvents } from './events.ts';
import type { DatabasePool } from '../../platform/postgres/pool.ts';

const dayMs = 24 * 60 * 60 * 1000;
const intervalMs = 60 * 60 * 1000;
/** Tomorrow's partition is there before tomorrow is, even if one round fails. */
const aheadDays = 2;

/** Makes the days of history ahead of time and drops those that are too old, at start and every hour. */
export class PartitionKeeper implements Part {
  readonly name = 'record.partitions';
  readonly #pool: Pick<DatabasePool, 'query'>;
  readonly #limits: Pick<Limits, 'signalAgeMs' | 'historyRetentionDays'>;
  readonly #events: RecordEvents;
  #timer: NodeJS.Timeout | undefined;
  #keeping: Promise<void> = Promise.resolve();

  constructor(
    pool: Pick<DatabasePool, 'query'>,
    limits: Pick<Limits, 'signalAgeMs' | 'historyRetentionDays'>,
    events: RecordEvents,
  ) {
    this.#pool = pool;
    this.#limits = limits;
    this.#events = events;
  }

  /** @throws FB_DATABASE_UNAVAILABLE */
  async start(): Promise<void> {
    await orUnavailable(() => this.#keep());
    this.#timer = setInterval(() => {
      this.#keeping = this.#keep().catch((error: unknown) => this.#events.partitionsFailed(error));
    }, intervalMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#keeping;
  }

  /** Reports older than `signalAgeMs` are rare: they lie in the default partition. */
  async #keep(): Promise<void> {
    const backDays = Math.ceil(this.#limits.signalAgeMs / dayMs);
    const { rows } = await this.#pool.query<{ made: number; dropped: number }>(
      'select made, dropped from history.maintain($1, $2, $3)',
      [backDays, aheadDays, this.#limits.historyRetentionDays],
    );
    this.#events.partitionsKept(rows[0]?.made ?? 0, rows[0]?.dropped ?? 0);
  }
}
