import type { z } from 'zod';
import type { reportItemSchema } from '../../contracts/http.ts';
import { wireTime } from './paging.ts';

type ReportItem = z.input<typeof reportItemSchema>;
export interface ReportRow {
  readonly report_id: string;
  readonly device_id: string;
  readonly reported_at: Date;
  readonly accepted_at: Date;
  readonly recorded_at: Date;
  readonly artifact_key: string;
  readonly artifact_kind: ReportItem['kind'];
  readonly detection_source: ReportItem['detectionSource'];
  readonly local_action: ReportItem['localAction'];
  readonly clock_suspect: boolean;
  readonly file_name: string | null;
}

export const reportColumns =
  'report_id, device_id, reported_at, accepted_at, recorded_at, artifact_key, artifact_kind, detection_source, local_action, clock_suspect, file_name';

export function reportItem(row: ReportRow): ReportItem {
  return {
    id: row.report_id,
    '@timestamp': wireTime(row.reported_at),
    deviceId: row.device_id,
    artifact: row.artifact_key,
    kind: row.artifact_kind,
    detectionSource: row.detection_source,
    localAction: row.local_action,
    fileName: row.file_name,
    clockSuspect: row.clock_suspect,
    acceptedAt: wireTime(row.accepted_at),
    recordedAt: wireTime(row.recorded_at),
  };
}
