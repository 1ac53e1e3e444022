import type { ArtifactKey } from '../../contracts/artifact.ts';
import { reason } from '../../contracts/domain.ts';
import {
  entrySchema,
  ownEntrySchema,
  type Entry,
  type OwnEntry,
  type Targets,
} from '../../contracts/entry.ts';
import type { DeviceId } from '../../contracts/ids.ts';
import type { Client } from './database.ts';
import { wireTime, wireTimeOrNull } from './paging.ts';

/** An override as its row has it. */
export interface OverrideRow {
  readonly id: string;
  readonly entry_id: string;
  readonly revision: number;
  readonly artifact_key: string;
  readonly action: OwnEntry['action'];
  readonly targets: Targets;
  readonly expires_at: Date | null;
  readonly restore: boolean;
  readonly comment: string;
  readonly created_at: Date;
  readonly created_by: string;
  readonly ended_at: Date | null;
  readonly end_reason: 'withdrawn' | 'expired' | null;
}

export const overrideColumns =
  'id, entry_id, revision, artifact_key, action, targets, expires_at, restore, comment, created_at, created_by, ended_at, end_reason';

/**
 * @param deviceId leaves out what is decided for other devices; null keeps what is decided for any device of the tenant
 * @returns every entry on the artifact in force: the tenant's own and decided ones
 */
export async function entriesInForce(
  client: Client,
  key: ArtifactKey,
  deviceId: DeviceId | null,
): Promise<readonly Entry[]> {
  const decided = await client.query<{ body: unknown }>(
    `select body from history.entries where artifact_key = $1 and not revoked and ends_at > clock_timestamp()
        and ($2::uuid is null or device_id is null or device_id = $2)`,
    [key, deviceId],
  );
  const own = await client.query<OverrideRow>(
    `select ${overrideColumns} from config.overrides
      where artifact_key = $1 and ended_at is null and (expires_at is null or expires_at > clock_timestamp())`,
    [key],
  );
  return [...own.rows.map(ownEntryOf), ...decided.rows.map(({ body }) => entrySchema.parse(body))];
}

/** @returns the entry that tells agents of an override */
export function ownEntryOf(row: OverrideRow): OwnEntry {
  const blocks = row.action === 'block' || row.action === 'block-and-remediate';
  return ownEntrySchema.parse({
    id: row.entry_id,
    revision: row.revision,
    key: row.artifact_key,
    source: 'own',
    action: row.action,
    // An analyst's word counts at every block level.
    blockFrom: 'default',
    remediation: row.action === 'block-and-remediate' ? ['stop-process', 'quarantine'] : [],
    severity: blocks ? 'medium' : 'informational',
    reason: reason(row.action === 'allow' ? 'override-allow' : 'override-block'),
    targets: row.targets,
    decidedAt: wireTime(row.created_at),
    expiresAt: wireTimeOrNull(row.expires_at),
  });
}
