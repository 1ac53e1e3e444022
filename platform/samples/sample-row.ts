import { artifactKeySchema } from '../../contracts/artifact.ts';
import {
  deviceIdSchema,
  reportIdSchema,
  sampleIdSchema,
  tenantIdSchema,
  toTimestamp,
} from '../../contracts/ids.ts';
import type { StoredSample } from '../../contracts/records.ts';

/** One row of samples.samples, as far as every reader of it needs it. */
export interface SampleRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly sha256: Buffer;
  /** bigint, as the driver gives it */
  readonly size_bytes: string;
  readonly device_id: string;
  readonly report_id: string;
  readonly reported_at: Date;
  readonly file_name: string | null;
  readonly state: 'uploading' | 'stored' | 'analysed' | 'failed';
  readonly stored_at: Date;
  readonly announced_at: Date | null;
  readonly expires_at: Date;
}

export const sampleColumns =
  'id, tenant_id, sha256, size_bytes, device_id, report_id, reported_at, file_name, state, stored_at, announced_at, expires_at';

/** @returns what the topic tells of it */
export function storedSampleOf(row: SampleRow): StoredSample {
  return {
    sampleId: sampleIdSchema.parse(row.id),
    tenantId: tenantIdSchema.parse(row.tenant_id),
    deviceId: deviceIdSchema.parse(row.device_id),
    artifactKey: artifactKeySchema.parse(`file:sha256:${row.sha256.toString('hex')}`),
    sizeBytes: Number(row.size_bytes),
    fileName: row.file_name,
    reportId: reportIdSchema.parse(row.report_id),
    reportedAt: toTimestamp(row.reported_at.getTime()),
    storedAt: toTimestamp(row.stored_at.getTime()),
    expiresAt: toTimestamp(row.expires_at.getTime()),
  };
}
