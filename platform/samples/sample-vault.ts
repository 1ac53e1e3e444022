import { FirebreakError, isFirebreakError } from '../../contracts/errors.ts';
import { sampleIdSchema, tenantIdSchema, type SampleId, type TenantId } from '../../contracts/ids.ts';
import type { StoredSample } from '../../contracts/records.ts';
import { orUnavailable } from '../postgres/failure.ts';
import { withTenant, type DatabaseSession } from '../postgres/pool.ts';
import { openPiece } from './sample-cipher.ts';
import { SampleIntake, type SampleIntakeOptions, type SampleOrigin } from './sample-intake.ts';
import { sampleColumns, storedSampleOf, type SampleRow } from './sample-row.ts';

export type SampleVaultOptions = SampleIntakeOptions;

/** A sample that the store has, as the topic tells of it. */
export interface KnownSample {
  readonly sample: StoredSample;
  /** The log has been told. */
  readonly announced: boolean;
}

type Client = Pick<DatabaseSession, 'query'>;

/** Longer than any upload may take: the interface gives it half a minute. */
const abandonedAfterMs = 10 * 60_000;
/** Ingest announces what it has stored at once. */
const owedAfterMs = 60_000;
const portion = 100;

/**
 * The store of submitted samples, in PostgreSQL, encrypted here: the only way to their bytes. Every call works as the
 * tenant that it names, and sees the rows of no other. All calls reject with FB_DATABASE_UNAVAILABLE.
 */
export class SampleVault {
  readonly #options: SampleVaultOptions;
  readonly #intake: SampleIntake;

  constructor(options: SampleVaultOptions) {
    this.#options = options;
    this.#intake = new SampleIntake(options);
  }

  /** @returns the tenant's stored sample of these bytes, null where there is none */
  async find(tenantId: TenantId, sha256: string): Promise<KnownSample | null> {
    const row = await this.#intake.find(tenantId, sha256);
    return row === null ? null : known(row);
  }

  /** Takes in one sample; see `SampleIntake.take`. */
  async take(
    origin: SampleOrigin,
    sha256: string,
    content: AsyncIterable<Buffer>,
    reservedBytes: number,
  ): Promise<KnownSample & { readonly fresh: boolean }> {
    const { row, fresh } = await this.#intake.take(origin, sha256, content, reservedBytes);
    return { ...known(row), fresh };
  }

  /** The log has it. */
  async announced(tenantId: TenantId, id: SampleId): Promise<void> {
    await this.#asTenant(tenantId, (client) =>
      client.query('update samples.samples set announced_at = clock_timestamp() where id = $1', [id]),
    );
  }

  /** @returns samples that have been stored for a minute and that the log may not have been told of */
  async owed(): Promise<readonly StoredSample[]> {
    const named = await this.#named('select tenant_id, id from samples.owed($1, $2)', [portion, owedAfterMs]);
    const rows = await Promise.all(named.map(({ tenantId, id }) => this.#row(tenantId, id)));
    return rows.flatMap((row) => (row === null ? [] : [storedSampleOf(row)]));
  }

  /**
   * An analysis begins: it is counted before, so that a sample that brings the process down is not tried for ever.
   *
   * @returns how often it was begun, this time included; null where nothing is to be analysed any more
   */
  async beginAnalysis(tenantId: TenantId, id: SampleId): Promise<number | null> {
    return this.#asTenant(tenantId, async (client) => {
      const { rows } = await client.query<{ attempts: number }>(
        "update samples.samples set attempts = attempts + 1 where id = $1 and state = 'stored' returning attempts",
        [id],
      );
      return rows[0]?.attempts ?? null;
    });
  }

  /** @param findings as the interface tells them, null where there are none */
  async settle(
    tenantId: TenantId,
    id: SampleId,
    state: 'analysed' | 'failed',
    findings: object | null,
  ): Promise<void> {
    await this.#asTenant(tenantId, (client) =>
      client.query(
        'update samples.samples set state = $2, findings = $3, analysed_at = clock_timestamp() where id = $1',
        [id, state, findings === null ? null : JSON.stringify(findings)],
      ),
    );
  }

  /**
   * @returns the bytes of a sample; null where it is gone
   * @throws FB_SAMPLE_UNREADABLE when its key is not at hand or something was altered
   */
  async read(tenantId: TenantId, id: SampleId): Promise<Buffer | null> {
    const found = await this.#asTenant(tenantId, async (client) => {
      const key = await readKey(client, id);
      if (key === null) return null;
      const { rows } = await client.query<{ data: Buffer }>(
        'select data from samples.pieces where sample_id = $1 order by number',
        [id],
      );
      return { key, pieces: rows.map(({ data }) => data) };
    });
    if (found === null) return null;
    const { keys } = this.#options;
    const key = keys.unwrap(found.key, id);
    const last = found.pieces.length - 1;
    if (last < 0) throw new FirebreakError('FB_SAMPLE_UNREADABLE', `Sample ${id} has no pieces.`);
    return Buffer.concat(
      found.pieces.map((data, number) =>
        openPiece(key, { sampleId: id, number, isLast: number === last }, data),
      ),
    );
  }

  /** Deletes some of what has expired and of what never became whole. */
  async expire(): Promise<{ readonly expired: number; readonly abandoned: number }> {
    const { rows } = await orUnavailable(() =>
      this.#options.pool.query<{ expired: number; abandoned: number }>(
        'select expired, abandoned from samples.expire($1, $2)',
        [portion, abandonedAfterMs],
      ),
    );
    return rows[0] ?? { expired: 0, abandoned: 0 };
  }

  /**
   * Wraps the keys of some samples by the key in use, where another one wrapped them: their bytes stay as they are.
   *
   * @returns how many were wrapped anew, and how many could not be unwrapped
   */
  async rewrap(): Promise<{ readonly rewrapped: number; readonly unreadable: number }> {
    const { keys } = this.#options;
    if (keys.formerIds.length === 0) return { rewrapped: 0, unreadable: 0 };
    const named = await this.#named('select tenant_id, id from samples.wrapped_by($1, $2)', [
      portion,
      keys.formerIds,
    ]);
    let unreadable = 0;
    for (const { tenantId, id } of named) {
      const done = await this.#asTenant(tenantId, async (client) => {
        const key = await readKey(client, id);
        if (key === null) return true;
        try {
          const { keyId, wrapped } = keys.wrap(keys.unwrap(key, id), id);
          await client.query(
            'update samples.samples set key_id = $2, wrapped_key = $3 where id = $1 and key_id = $4',
            [id, keyId, wrapped, key.keyId],
          );
          return true;
        } catch (error) {
          if (isFirebreakError(error) && error.code === 'FB_SAMPLE_UNREADABLE') return false;
          throw error;
        }
      });
      if (!done) unreadable += 1;
    }
    return { rewrapped: named.length - unreadable, unreadable };
  }

  #row(tenantId: TenantId, id: SampleId): Promise<SampleRow | null> {
    return this.#asTenant(tenantId, async (client) => {
      const text = `select ${sampleColumns} from samples.samples where id = $1`;
      return (await client.query<SampleRow>(text, [id])).rows[0] ?? null;
    });
  }

  async #named(text: string, values: readonly unknown[]) {
    const { rows } = await orUnavailable(() =>
      this.#options.pool.query<{ tenant_id: string; id: string }>(text, [...values]),
    );
    return rows.map((row) => ({
      tenantId: tenantIdSchema.parse(row.tenant_id),
      id: sampleIdSchema.parse(row.id),
    }));
  }

  #asTenant<T>(tenantId: TenantId, work: (client: Client) => Promise<T>): Promise<T> {
    return orUnavailable(() => withTenant(this.#options.pool, tenantId, work));
  }
}

function known(row: SampleRow): KnownSample {
  return { sample: storedSampleOf(row), announced: row.announced_at !== null };
}

async function readKey(client: Client, id: SampleId) {
  const { rows } = await client.query<{ key_id: string; wrapped_key: Buffer }>(
    "select key_id, wrapped_key from samples.samples where id = $1 and state <> 'uploading'",
    [id],
  );
  const row = rows[0];
  return row === undefined ? null : { keyId: row.key_id, wrapped: row.wrapped_key };
}
