import { tenantIdSchema } from '../../contracts/ids.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import { audit } from './audit.ts';
import type { QueryDatabase } from './database.ts';
import type { QueryEvents } from './events.ts';
import { endOverride } from './override-end.ts';

const intervalMs = 5_000;
const mostPerRound = 500;

export interface OverrideSweeperOptions {
  readonly database: QueryDatabase;
  readonly events: QueryEvents;
  readonly keepMs: number;
  /** Sends what a change left in the outbox. */
  readonly poke: () => void;
}

/** Announces the end of overrides whose time is over. Agents judge expiry by themselves; this tells who lost the time. */
export class OverrideSweeper implements Part {
  readonly name = 'query.override-sweeper';
  readonly #options: OverrideSweeperOptions;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> | null = null;

  constructor(options: OverrideSweeperOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#timer = setInterval(() => void this.sweep(), intervalMs);
    this.#timer.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#sweeping;
  }

  /** One round at a time; a failed one is followed by the next. */
  sweep(): Promise<void> {
    this.#sweeping ??= this.#sweep()
      .catch((error: unknown) => this.#options.events.sweepFailed(error))
      .finally(() => (this.#sweeping = null));
    return this.#sweeping;
  }

  async #sweep(): Promise<void> {
    const { database, keepMs, poke, events } = this.#options;
    const { rows } = await database.asOperator((client) =>
      client.query<{ id: string; tenant_id: string }>(
        `select id, tenant_id from config.overrides where ended_at is null and expires_at <= clock_timestamp()
          order by expires_at limit ${mostPerRound}`,
      ),
    );
    for (const row of rows) {
      const tenantId = tenantIdSchema.parse(row.tenant_id);
      await database.asTenant(tenantId, async (client) => {
        const ended = await endOverride(client, tenantId, row.id, 'expired', keepMs);
        if (ended === null) return;
        const details = { id: row.id, action: ended.action };
        await audit(client, {
          tenantId,
          actor: 'firebreak',
          action: 'override.expired',
          subject: ended.artifact_key,
          details,
        });
      });
    }
    if (rows.length > 0) {
      events.expired(rows.length);
      poke();
    }
  }
}
