import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { FirebreakError } from '../../contracts/errors.ts';
import type { DeviceId, ReportId, TenantId, Timestamp } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import { orUnavailable } from '../postgres/failure.ts';
import { withTenant, type DatabasePool, type DatabaseSession } from '../postgres/pool.ts';
import { storableText } from '../postgres/text.ts';
import { newSampleKey, sealPiece } from './sample-cipher.ts';
import type { SampleKeys } from './sample-keys.ts';
import { sampleColumns, type SampleRow } from './sample-row.ts';

/** Who sends a sample, and because of which report. */
export interface SampleOrigin {
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
  readonly reportId: ReportId;
  readonly reportedAt: Timestamp;
  readonly fileName: string | null;
}

export interface SampleIntakeOptions {
  /** Logs in as `firebreak_samples`. */
  readonly pool: DatabasePool;
  readonly keys: SampleKeys;
  readonly limits: Pick<Limits, 'sampleBytes' | 'sampleQuotaBytes' | 'sampleRetentionMs'>;
}

/** One statement to the database, and what of a sample is in memory while it comes in. */
const pieceBytes = 256 * 1024;
const uniqueViolation = '23505';

type Client = Pick<DatabaseSession, 'query'>;

/**
 * The way of one sample into the store:
 *
 *   space set aside ──piece by piece, encrypted, each in a transaction of its own──▶ whole, digest right ──▶ stored
 *           └───wrong digest, too large, the sender left──▶ nothing is left of it
 *
 * A process that dies in between leaves an upload that the keeper deletes. Of several uploads of the same bytes the first
 * that is whole stays.
 */
export class SampleIntake {
  readonly #options: SampleIntakeOptions;

  constructor(options: SampleIntakeOptions) {
    this.#options = options;
  }

  /** @returns the tenant's stored sample of these bytes, null where there is none */
  find(tenantId: TenantId, sha256: string): Promise<SampleRow | null> {
    return this.#asTenant(tenantId, (client) => findStored(client, sha256));
  }

  /**
   * @param sha256 that the bytes must have, hexadecimal
   * @param reservedBytes most that will come: it is set aside of the quota before
   * @returns the stored row; `fresh` is false where the tenant had it already
   * @throws FB_HASH_MISMATCH, FB_SAMPLE_TOO_LARGE, FB_SAMPLE_QUOTA, FB_DATABASE_UNAVAILABLE, and what `content` throws
   */
  async take(
    origin: SampleOrigin,
    sha256: string,
    content: AsyncIterable<Buffer>,
    reservedBytes: number,
  ): Promise<{ readonly row: SampleRow; readonly fresh: boolean }> {
    const { tenantId } = origin;
    const id = uuidv7();
    const key = newSampleKey();
    await this.#begin(origin, id, sha256, key, reservedBytes);
    try {
      const sizeBytes = await this.#write(tenantId, id, sha256, key, content);
      return await this.#finish(tenantId, id, sha256, sizeBytes);
    } catch (error) {
      // What cannot be deleted now is deleted by the keeper.
      await this.#delete(tenantId, id).catch(() => undefined);
      throw error;
    }
  }

  async #begin(
    origin: SampleOrigin,
    id: string,
    sha256: string,
    key: Buffer,
    reservedBytes: number,
  ): Promise<void> {
    const { keys, limits } = this.#options;
    const { keyId, wrapped } = keys.wrap(key, id);
    await this.#asTenant(origin.tenantId, async (client) => {
      // One after the other within a tenant, so that two at once cannot both be the last that fits.
      await client.query("select pg_advisory_xact_lock(hashtextextended('samples ' || $1, 0))", [
        origin.tenantId,
      ]);
      const { rows } = await client.query<{ used: string }>(
        'select coalesce(sum(size_bytes), 0) as used from samples.samples',
      );
      const used = Number(rows[0]?.used ?? 0);
      if (used + reservedBytes > limits.sampleQuotaBytes)
        throw new FirebreakError(
          'FB_SAMPLE_QUOTA',
          `${used} of ${limits.sampleQuotaBytes} bytes are in use, and ${reservedBytes} more do not fit.`,
        );
      await client.query(
        `insert into samples.samples (id, tenant_id, sha256, size_bytes, device_id, report_id, reported_at, file_name, key_id, wrapped_key, expires_at)
         values ($1, $2, decode($3, 'hex'), $4, $5, $6, $7, $8, $9, $10, clock_timestamp() + $11 * interval '1 millisecond')`,
        [
          ...[id, origin.tenantId, sha256, reservedBytes, origin.deviceId, origin.reportId],
          origin.reportedAt,
          origin.fileName === null ? null : storableText(origin.fileName),
          ...[keyId, wrapped, limits.sampleRetentionMs],
        ],
      );
    });
  }

  /** @returns how many bytes came */
  async #write(
    tenantId: TenantId,
    sampleId: string,
    sha256: string,
    key: Buffer,
    content: AsyncIterable<Buffer>,
  ): Promise<number> {
    const digest = createHash('sha256');
    let [sizeBytes, number] = [0, 0];
    let gathered: Buffer[] = [];
    let gatheredBytes = 0;
    const flush = async (isLast: boolean) => {
      const sealed = sealPiece(key, { sampleId, number, isLast }, Buffer.concat(gathered));
      await this.#asTenant(tenantId, (client) =>
        client.query(
          'insert into samples.pieces (sample_id, tenant_id, number, data) values ($1, $2, $3, $4)',
          [sampleId, tenantId, number, sealed],
        ),
      );
      number += 1;
      [gathered, gatheredBytes] = [[], 0];
    };
    for await (const chunk of content) {
      sizeBytes += chunk.length;
      if (sizeBytes > this.#options.limits.sampleBytes) throw tooLarge(this.#options.limits.sampleBytes);
      digest.update(chunk);
      // A piece goes when the next one begins: whether it is the last is sealed into it.
      for (let at = 0; at < chunk.length;) {
        if (gatheredBytes === pieceBytes) await flush(false);
        const part = chunk.subarray(at, at + pieceBytes - gatheredBytes);
        gathered.push(part);
        gatheredBytes += part.length;
        at += part.length;
      }
    }
    const found = digest.digest('hex');
    if (found !== sha256)
      throw new FirebreakError('FB_HASH_MISMATCH', `The ${sizeBytes} bytes have the SHA-256 ${found}.`);
    await flush(true);
    return sizeBytes;
  }

  async #finish(tenantId: TenantId, id: string, sha256: string, sizeBytes: number) {
    try {
      const row = await this.#asTenant(tenantId, async (client) => {
        const { rows } = await client.query<SampleRow>(
          `update samples.samples
              set state = 'stored', size_bytes = $2, stored_at = clock_timestamp(), recorded_at = clock_timestamp()
            where id = $1 returning ${sampleColumns}`,
          [id, sizeBytes],
        );
        return rows[0];
      });
      // The keeper took it for given up: the device may send it again.
      if (row === undefined)
        throw new FirebreakError('FB_DATABASE_UNAVAILABLE', 'The upload took too long and was given up.');
      return { row, fresh: true };
    } catch (error) {
      if (!isUniqueViolation(error)) throw error;
      const row = await this.find(tenantId, sha256);
      if (row === null) throw error;
      await this.#delete(tenantId, id);
      return { row, fresh: false };
    }
  }

  async #delete(tenantId: TenantId, id: string): Promise<void> {
    await this.#asTenant(tenantId, (client) =>
      client.query('delete from samples.samples where id = $1', [id]),
    );
  }

  #asTenant<T>(tenantId: TenantId, work: (client: Client) => Promise<T>): Promise<T> {
    return orUnavailable(() => withTenant(this.#options.pool, tenantId, work));
  }
}

/** @returns the error of a sample that is larger than `most` bytes */
export function tooLarge(most: number): FirebreakError {
  return new FirebreakError('FB_SAMPLE_TOO_LARGE', `A sample has at most ${most} bytes.`);
}

async function findStored(client: Client, sha256: string): Promise<SampleRow | null> {
  const { rows } = await client.query<SampleRow>(
    `select ${sampleColumns} from samples.samples where sha256 = decode($1, 'hex') and state <> 'uploading'`,
    [sha256],
  );
  return rows[0] ?? null;
}

function isUniqueViolation(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === uniqueViolation;
}
