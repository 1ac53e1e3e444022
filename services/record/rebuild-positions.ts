import type { PartitionBounds } from '../../platform/log/log.ts';
import type { DatabasePool } from '../../platform/postgres/pool.ts';
import { orUnavailable } from '../../platform/postgres/failure.ts';

const saveEveryMs = 1000;

/** How far a rebuild has come, kept in history itself; saved now and then, as writing a row twice changes nothing. */
export class RebuildPositions {
  readonly #pool: Pick<DatabasePool, 'query'>;
  readonly #log: string;
  readonly #reached = new Map<string, { readonly topic: string; readonly partition: number; next: number }>();
  #savedMs = Date.now();

  private constructor(pool: Pick<DatabasePool, 'query'>, log: string) {
    this.#pool = pool;
    this.#log = log;
  }

  /**
   * @param log its identity: positions in another one are forgotten
   * @throws FB_DATABASE_UNAVAILABLE
   */
  static async load(pool: Pick<DatabasePool, 'query'>, log: string): Promise<RebuildPositions> {
    const positions = new RebuildPositions(pool, log);
    const { rows } = await orUnavailable(async () => {
      await pool.query('delete from history.rebuild_positions where log_identity <> $1', [log]);
      return pool.query<{ topic: string; partition: number; next_offset: string }>(
        'select topic, partition, next_offset from history.rebuild_positions',
      );
    });
    for (const { topic, partition, next_offset: next } of rows)
      positions.#set(topic, partition, Number(next));
    return positions;
  }

  /** @returns where to begin */
  of({ topic, partition, start }: PartitionBounds): number {
    return Math.max(start, this.#reached.get(`${topic}/${partition}`)?.next ?? 0);
  }

  /** @throws FB_DATABASE_UNAVAILABLE */
  async reached(topic: string, partition: number, next: number): Promise<void> {
    this.#set(topic, partition, next);
    if (Date.now() - this.#savedMs >= saveEveryMs) await this.save();
  }

  /** @throws FB_DATABASE_UNAVAILABLE */
  async save(): Promise<void> {
    this.#savedMs = Date.now();
    const rows = [...this.#reached.values()];
    const columns = [
      rows.map(({ topic }) => topic),
      rows.map(({ partition }) => partition),
      rows.map(({ next }) => next),
    ];
    await orUnavailable(() =>
      this.#pool.query(
        `insert into history.rebuild_positions (log_identity, topic, partition, next_offset)
         select $1, * from unnest($2::text[], $3::integer[], $4::bigint[])
         on conflict (log_identity, topic, partition) do update set next_offset = excluded.next_offset`,
        [this.#log, ...columns],
      ),
    );
  }

  /** All is written: the next rebuild begins anew. @throws FB_DATABASE_UNAVAILABLE */
  async clear(): Promise<void> {
    await orUnavailable(() => this.#pool.query('delete from history.rebuild_positions'));
  }

  #set(topic: string, partition: number, next: number): void {
    this.#reached.set(`${topic}/${partition}`, { topic, partition, next });
  }
}
