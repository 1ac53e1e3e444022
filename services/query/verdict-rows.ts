import type { z } from 'zod';
import { reasonTexts, type ReasonCode } from '../../contracts/domain.ts';
import type { verdictItemSchema } from '../../contracts/http.ts';
import type { Conditions } from './conditions.ts';
import { wireTime } from './paging.ts';

export type VerdictItem = z.input<typeof verdictItemSchema>;

/** A decision as the tenant may see it: its own, or a wide one of another tenant that touched it. */
export interface VerdictRow {
  readonly id: string;
  readonly recorded_at: Date;
  readonly decided_at: Date;
  readonly expires_at: Date;
  readonly entry_id: string;
  readonly revision: number;
  readonly artifact_key: string;
  readonly artifact_kind: VerdictItem['kind'];
  readonly reach: VerdictItem['reach'];
  readonly verdict: VerdictItem['verdict'];
  readonly action: VerdictItem['action'];
  readonly block_from: string;
  readonly severity: VerdictItem['severity'];
  readonly reason_code: ReasonCode;
  readonly threat_name: string | null;
  readonly device_id: string | null;
  readonly detection_source: VerdictItem['detectionSource'];
  readonly report_id: string | null;
  readonly file_name: string | null;
}

const sharedColumns =
  'decision_id as id, recorded_at, decided_at, expires_at, entry_id, revision, artifact_key, artifact_kind, reach, verdict, action, block_from, severity, reason_code, threat_name';

/**
 * The newest decisions that meet the conditions, of both kinds, in the order (recorded_at, id). A wide decision of
 * another tenant shows the name under which this one knows the artifact, and nothing of where it came from.
 *
 * @param skip a condition on accepted_at that leaves out days
 * @param ownOnly leaves the others out: the conditions are on what is not told of them
 */
export function selectVerdicts(where: Conditions, rows: number, ownOnly: boolean, skip = 'true'): string {
  const order = `order by recorded_at desc, decision_id desc limit ${rows}`;
  const own = `(select ${sharedColumns}, device_id, detection_source, report_id, file_name
     from history.decisions where ${where.toString()} and ${skip} ${order})`;
  const others = `(select ${sharedColumns}, null::uuid, null::text, null::uuid,
       (select min(s.file_name) from history.sightings s where s.artifact_key = d.artifact_key)
     from history.shared_decisions d where ${where.toString()} and ${skip} ${order})`;
  return `select * from (${ownOnly ? own : `${own} union all ${others}`}) as visible order by recorded_at desc, id desc limit ${rows}`;
}

export function verdictItem(row: VerdictRow): VerdictItem {
  return {
    id: row.entry_id,
    revision: row.revision,
    decisionId: row.id,
    artifact: row.artifact_key,
    kind: row.artifact_kind,
    verdict: row.verdict,
    action: row.action,
    blockFrom: row.block_from,
    reach: row.reach,
    threatName: row.threat_name,
    severity: row.severity,
    reason: { code: row.reason_code, text: reasonTexts[row.reason_code] },
    fileName: row.file_name,
    deviceId: row.device_id,
    detectionSource: row.detection_source,
    reportId: row.report_id,
    decidedAt: wireTime(row.decided_at),
    expiresAt: wireTime(row.expires_at),
    recordedAt: wireTime(row.recorded_at),
  };
}
