import { identifyArtifact, uuidOf } from '../../contracts/canonical.ts';
import { toTimestamp } from '../../contracts/ids.ts';
import { reportSchema, type ReportInput } from '../../contracts/report.ts';
import { reportScoresSchema, scoreSchema, type ReportScores, type Score } from '../../contracts/score.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import { deviceOf, tenantOf } from '../engine/samples.ts';

let serial = 0;

/** An accepted report as ingest would write it; `acceptedMs` defaults to now. */
export function acceptedReport(
  report: Pick<ReportInput, 'artifact'> & Partial<ReportInput>,
  more: {
    readonly tenant?: string;
    readonly device?: string;
    readonly acceptedMs?: number;
    readonly awaited?: boolean;
  } = {},
): AcceptedReport {
  const { tenant = 'alpha', device = `${tenant}-1`, acceptedMs = Date.now(), awaited = false } = more;
  const parsed = reportSchema.parse({
    id: uuidOf(`report ${(serial += 1)} ${process.pid}`),
    '@timestamp': new Date(acceptedMs).toISOString(),
    detectionSource: 'edr',
    localAction: 'allowed',
    ...report,
  });
  const { key, evidence } = identifyArtifact(parsed.artifact);
  return {
    tenantId: tenantOf(tenant),
    deviceId: deviceOf(device),
    artifactKey: key,
    artifactKind: parsed.artifact.kind,
    evidence,
    acceptedAt: toTimestamp(acceptedMs),
    clockSuspect: false,
    awaited,
    historyOnly: false,
    report: parsed,
  };
}

/** The answer of a classifier to a report. */
export function scoreOf(
  report: AcceptedReport,
  classifier: string,
  probability: number,
  contentProbability: number | null = null,
): Score {
  return scoreSchema.parse({
    tenantId: report.tenantId,
    deviceId: report.deviceId,
    reportId: report.report.id,
    reportedAt: report.report['@timestamp'],
    artifactKey: report.artifactKey,
    classifier,
    version: '1',
    featureSchemaVersion: 1,
    baseRate: 0.5,
    threshold: 0.95,
    scoredAt: report.acceptedAt,
    result: { outcome: 'score', probability, contentProbability, evidence: [] },
  });
}

/** What a record of the scores holds when these answers for one report are there together. */
export function together(...scores: readonly Score[]): ReportScores {
  return reportScoresSchema.parse({ reportOffset: 0, ...scores[0], awaited: false, held: false, scores });
}
