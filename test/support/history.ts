import { randomUUID } from 'node:crypto';
import { artifactKeySchema, type ArtifactKey } from '../../contracts/artifact.ts';
import { entryId, kindOfKey, sha256Hex, type Subject } from '../../contracts/canonical.ts';
import { decisionRecordSchema, type DecisionRecord } from '../../contracts/decision.ts';
import { reason } from '../../contracts/domain.ts';
import {
  deviceIdSchema,
  tenantIdSchema,
  toTimestamp,
  type DeviceId,
  type TenantId,
} from '../../contracts/ids.ts';
import { reportSchema } from '../../contracts/report.ts';
import {
  acceptedReportSchema,
  verdictRecordSchema,
  type AcceptedReport,
  type VerdictRecord,
} from '../../contracts/records.ts';

/** Records of the topics that history is made of, with everything that a test does not care about filled in. */

export function newTenant(): TenantId {
  return tenantIdSchema.parse(randomUUID());
}

export function newDevice(): DeviceId {
  return deviceIdSchema.parse(randomUUID());
}

export function fileKey(name: string): ArtifactKey {
  return artifactKeySchema.parse(`file:sha256:${sha256Hex(name)}`);
}

export interface ReportOptions {
  readonly tenantId: TenantId;
  readonly deviceId?: DeviceId;
  readonly key?: ArtifactKey;
  readonly atMs?: number;
  readonly report?: object;
}

export function acceptedReport(options: ReportOptions): AcceptedReport {
  const key = options.key ?? fileKey(randomUUID());
  const atMs = options.atMs ?? Date.now();
  const report = reportSchema.parse({
    id: randomUUID(),
    '@timestamp': toTimestamp(atMs),
    detectionSource: 'antivirus',
    localAction: 'held',
    artifact: { kind: 'file', hash: { sha256: key.split(':')[2] } },
    file: { name: 'invoice.exe', path: '%USERPROFILE%\\Downloads\\invoice.exe', size: 184_320 },
    ...options.report,
  });
  return acceptedReportSchema.parse({
    tenantId: options.tenantId,
    deviceId: options.deviceId ?? newDevice(),
    artifactKey: key,
    artifactKind: kindOfKey(key),
    evidence: 'testimony',
    acceptedAt: toTimestamp(atMs),
    clockSuspect: false,
    historyOnly: false,
    awaited: false,
    report,
  });
}

/** The decision that a report tips. */
export function decisionFor(accepted: AcceptedReport, more: Partial<DecisionRecord> = {}): DecisionRecord {
  const { tenantId, deviceId, artifactKey, artifactKind, acceptedAt, report } = accepted;
  const reach = more.reach ?? 'tenant';
  const subject = subjectFor(reach, tenantId, deviceId);
  return decisionRecordSchema.parse({
    decisionId: randomUUID(),
    entryId: entryId(artifactKey, reach, subject),
    revision: 1,
    artifactKey,
    artifactKind,
    reach,
    tenantId,
    deviceId: subject.deviceId,
    trigger: {
      kind: 'report',
      deviceId,
      reportId: report.id,
      reportedAt: report['@timestamp'],
      acceptedAt,
      detectionSource: report.detectionSource,
    },
    decidedAt: toTimestamp(Date.parse(acceptedAt) + 40),
    expiresAt: toTimestamp(Date.parse(acceptedAt) + 30 * 86_400_000),
    end: 'complete',
    verdict: 'malicious',
    action: 'block-and-remediate',
    blockFrom: 'default',
    threatName: 'Trojan:Win32/Generic.A!ml',
    severity: 'medium',
    reason: reason('tenant-evidence'),
    sumMicronats: 2_900_000,
    contentSumMicronats: -2_197_225,
    probability: 0.947846,
    terms: [
      { name: 'prior', micronats: -2_197_225, content: true, own: true, text: 'prior' },
      { name: 'score:metadata', micronats: 5_097_225, content: false, own: true, text: 'metadata says so' },
    ],
    scores: [scoreOf(accepted, 0.97)],
    missing: [],
    signals: {
      firstSeenAt: acceptedAt,
      lastSeenAt: acceptedAt,
      devices: 1,
      tenants: 1,
      ownDevices: 1,
      confirmations: [],
    },
    steps: [
      { step: 'threshold', outcome: 'malicious', text: 'over 0.9' },
      { step: 'blast-radius', outcome: 'within', text: '1 devices have it; no guard applies.' },
    ],
    configuration: { blockMicronats: 2_197_225 },
    engineVersion: '1.0.0',
    degraded: false,
    ...(report.file?.name !== undefined && { fileName: report.file.name }),
    ...more,
  });
}

export function scoreOf(accepted: AcceptedReport, probability: number, classifier = 'metadata') {
  return {
    tenantId: accepted.tenantId,
    deviceId: accepted.deviceId,
    reportId: accepted.report.id,
    reportedAt: accepted.report['@timestamp'],
    artifactKey: accepted.artifactKey,
    classifier,
    version: '1.0.0',
    featureSchemaVersion: 1,
    baseRate: 0.5,
    threshold: 0.9,
    scoredAt: accepted.acceptedAt,
    result: { outcome: 'score' as const, probability, contentProbability: null, evidence: [] },
  };
}

/** The entry that a decision puts in force. */
export function verdictFor(decision: DecisionRecord, more: object = {}): VerdictRecord {
  return verdictRecordSchema.parse({
    kind: 'entry',
    subject: subjectFor(decision.reach, decision.tenantId, decision.trigger.deviceId),
    entry: {
      id: decision.entryId,
      revision: decision.revision,
      key: decision.artifactKey,
      source: 'decision',
      reach: decision.reach,
      verdict: decision.verdict,
      action: decision.action,
      blockFrom: decision.blockFrom,
      remediation: ['stop-process', 'quarantine'],
      severity: decision.severity,
      reason: decision.reason,
      decidedAt: decision.decidedAt,
      expiresAt: decision.expiresAt,
      ...(decision.threatName !== undefined && { threatName: decision.threatName }),
      ...more,
    },
    origin: {
      tenantId: decision.tenantId,
      deviceId: decision.trigger.deviceId,
      reportId: decision.trigger.reportId,
    },
    writer: 'test',
  });
}

export function revocationFor(decision: DecisionRecord): VerdictRecord {
  return verdictRecordSchema.parse({
    kind: 'revocation',
    subject: subjectFor(decision.reach, decision.tenantId, decision.trigger.deviceId),
    revocation: {
      id: decision.entryId,
      revision: decision.revision + 1,
      key: decision.artifactKey,
      source: 'decision',
      reach: decision.reach,
      reason: reason('evidence-withdrawn'),
      restore: true,
      decidedAt: decision.decidedAt,
    },
    keepUntil: toTimestamp(Date.parse(decision.expiresAt) + 8 * 86_400_000),
    writer: 'test',
  });
}

function subjectFor(reach: DecisionRecord['reach'], tenantId: TenantId, deviceId: DeviceId): Subject {
  return {
    tenantId: reach === 'ecosystem' ? null : tenantId,
    deviceId: reach === 'device' ? deviceId : null,
  };
}
