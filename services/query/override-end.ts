import { artifactKeySchema } from '../../contracts/artifact.ts';
import { reason } from '../../contracts/domain.ts';
import { entryIdSchema, toTimestamp, type TenantId } from '../../contracts/ids.ts';
import { enqueueControl } from '../../platform/postgres/outbox.ts';
import type { Client } from './database.ts';
import { overrideColumns, type OverrideRow } from './in-force.ts';
import { wireTime } from './paging.ts';

/**
 * Ends an override that is in force, and leaves its revocation for the relay. Ended once, it is not ended again.
 *
 * @param why `expired` ends it only when its time is over
 * @param keepMs how long beyond its end agents may still hold the entry
 * @returns the override as it ended; null when there is none in force (any more)
 */
export async function endOverride(
  client: Client,
  tenantId: TenantId,
  id: string,
  why: 'withdrawn' | 'expired',
  keepMs: number,
): Promise<OverrideRow | null> {
  const { rows } = await client.query<OverrideRow & { readonly ended_at: Date }>(
    `update config.overrides set ended_at = clock_timestamp(), end_reason = $2, revision = revision + 1
      where id = $1 and ended_at is null and ($2 <> 'expired' or expires_at <= clock_timestamp())
      returning ${overrideColumns}`,
    [id, why],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const lastsUntilMs = Math.max(row.ended_at.getTime(), row.expires_at?.getTime() ?? 0);
  await enqueueControl(client, {
    kind: 'own-revocation',
    version: row.revision,
    tenantId,
    revocation: {
      id: entryIdSchema.parse(row.entry_id),
      revision: row.revision,
      key: artifactKeySchema.parse(row.artifact_key),
      source: 'own',
      reason: reason(why === 'expired' ? 'expired' : 'override-withdrawn'),
      // Who takes a block back wants the files back that it took away.
      restore: why === 'withdrawn' && row.action === 'block-and-remediate',
      decidedAt: wireTime(row.ended_at),
    },
    keepUntil: toTimestamp(lastsUntilMs + keepMs),
  });
  return row;
}
