import type pg from 'pg';
import { artifactKeySchema, type ArtifactKey } from '../../contracts/artifact.ts';
import type { Report } from '../../contracts/report.ts';
import { verdictSchema, type Verdict } from '../../contracts/domain.ts';
import {
  toTimestamp,
  type DeviceId,
  type ReportId,
  type TenantId,
  type Timestamp,
} from '../../contracts/ids.ts';
import { orUnavailable } from './failure.ts';
import { withTenant } from './pool.ts';

/** A report as history has it, with the last decision that was made for its device or its tenant. */
export interface RecordedReport {
  readonly reportedAt: Timestamp;
  readonly artifactKey: ArtifactKey;
  readonly acceptedAt: Timestamp;
  /** Null: nothing was decided yet. What is in force now may differ. */
  readonly verdict: Verdict | null;
}

/**
 * @param tenantPool logs in as `firebreak_tenant`
 * @returns the device's latest report with this id; null when history does not have it (yet: it follows the log by a moment)
 * @throws FirebreakError FB_DATABASE_UNAVAILABLE
 */
export async function findRecordedReport(
  tenantPool: pg.Pool,
  tenantId: TenantId,
  deviceId: DeviceId,
  id: ReportId,
): Promise<RecordedReport | null> {
  return orUnavailable(() =>
    withTenant(tenantPool, tenantId, async (client) => {
      const { rows } = await client.query<{ reported_at: Date; accepted_at: Date; artifact_key: string }>(
        `select reported_at, accepted_at, artifact_key from history.reports where report_id = $1 and device_id = $2
          order by reported_at desc limit 1`,
        [id, deviceId],
      );
      const row = rows[0];
      if (row === undefined) return null;
      const artifactKey = artifactKeySchema.parse(row.artifact_key);
      return {
        reportedAt: toTimestamp(row.reported_at.getTime()),
        acceptedAt: toTimestamp(row.accepted_at.getTime()),
        artifactKey,
        verdict: await latestVerdict(client, artifactKey, deviceId),
      };
    }),
  );
}

/** @returns the verdict of the last decision on the artifact for the device or its tenant; null when there is none */
export async function latestVerdict(
  client: Pick<pg.PoolClient, 'query'>,
  key: ArtifactKey,
  deviceId: DeviceId,
): Promise<Verdict | null> {
  const { rows } = await client.query<{ verdict: string }>(
    `select verdict from history.decisions where artifact_key = $1 and (reach <> 'device' or device_id = $2)
      order by recorded_at desc limit 1`,
    [key, deviceId],
  );
  return rows[0] === undefined ? null : verdictSchema.parse(rows[0].verdict);
}

/** A report of a file as history has it: as much of it as tells why a sample of the file comes. */
export type RecordedFileReport = Pick<Report, 'id' | '@timestamp' | 'file'>;

/**
 * @param tenantPool logs in as `firebreak_tenant`
 * @returns the tenant's latest report of the artifact, this device's before others'; null when history does not have one (yet)
 * @throws FirebreakError FB_DATABASE_UNAVAILABLE
 */
export async function findRecordedFileReport(
  tenantPool: pg.Pool,
  tenantId: TenantId,
  deviceId: DeviceId,
  artifactKey: string,
): Promise<RecordedFileReport | null> {
  return orUnavailable(() =>
    withTenant(tenantPool, tenantId, async (client) => {
      const { rows } = await client.query<{ body: { readonly report: RecordedFileReport } }>(
        `select body from history.reports where artifact_key = $1
          order by (device_id = $2) desc, accepted_at desc limit 1`,
        [artifactKey, deviceId],
      );
      return rows[0]?.body.report ?? null;
    }),
  );
}
