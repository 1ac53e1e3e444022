import type pg from 'pg';
import type { Principal } from '../http/route.ts';

const intervalMs = 30_000;
const mostPerStatement = 5_000;

/** Collects when devices and tokens were last seen and writes them together, away from the requests. */
export class LastUseWriter {
  readonly #pool: Pick<pg.Pool, 'query'>;
  readonly #onFailed: (error: unknown) => void;
  #devices = new Map<string, number>();
  #tokens = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(pool: Pick<pg.Pool, 'query'>, onFailed: (error: unknown) => void = () => undefined) {
    this.#pool = pool;
    this.#onFailed = onFailed;
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush(), intervalMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** @param atMs milliseconds since 1970 */
  note(principal: Principal, atMs: number): void {
    if (principal.kind === 'device') this.#devices.set(principal.deviceId, atMs);
    if (principal.kind === 'person') this.#tokens.set(principal.tokenId, atMs);
  }

  flush(): Promise<void> {
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    const [devices, tokens] = [this.#devices, this.#tokens];
    this.#devices = new Map();
    this.#tokens = new Map();
    try {
      await this.#writeSome('devices', 'last_seen_at', devices);
      await this.#writeSome('tokens', 'last_used_at', tokens);
    } catch (error) {
      this.#onFailed(error);
      for (const [id, atMs] of devices) if (!this.#devices.has(id)) this.#devices.set(id, atMs);
      for (const [id, atMs] of tokens) if (!this.#tokens.has(id)) this.#tokens.set(id, atMs);
    }
  }

  async #writeSome(table: string, column: string, seen: ReadonlyMap<string, number>): Promise<void> {
    // In id order, so that two processes that write the same rows never wait for each other in a circle.
    const all = [...seen].sort(([left], [right]) => (left < right ? -1 : 1));
    for (let from = 0; from < all.length; from += mostPerStatement) {
      const some = all.slice(from, from + mostPerStatement);
      await this.#pool.query(
        `update config.${table} as t set ${column} = greatest(t.${column}, to_timestamp(seen.at_ms / 1000))
           from unnest($1::uuid[], $2::float8[]) as seen (id, at_ms) where t.id = seen.id`,
        [some.map(([id]) => id), some.map(([, atMs]) => atMs)],
      );
    }
  }
}
