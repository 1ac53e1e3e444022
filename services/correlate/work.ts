import type { ArtifactKey } from '../../contracts/artifact.ts';
import { kindOfKey } from '../../contracts/canonical.ts';
import type { DecisionRecord, Trigger } from '../../contracts/decision.ts';
import type { ArtifactKind } from '../../contracts/domain.ts';
import type { DeviceId, TenantId } from '../../contracts/ids.ts';
import { scoresOf, type ReportScores, type Score } from '../../contracts/score.ts';
import type { SignalStep } from '../../contracts/signals.ts';
import type { AcceptedReport, Finding } from '../../contracts/records.ts';
import { foldFinding, foldLateScores, foldReport } from '../../engine/correlate/fold.ts';
import { missingClassifiers, type Join, type JoinEnd } from '../../engine/correlate/join.ts';

/** Something that is folded and decided: a joined report, scores that came late, or a finding about another artifact. */
export type Work =
  | { readonly kind: 'report'; readonly join: Join; readonly end: JoinEnd }
  | { readonly kind: 'score'; readonly record: ReportScores }
  | { readonly kind: 'finding'; readonly finding: Finding };

/** What the three have in common, once they are to be decided. */
export interface Occasion {
  readonly key: ArtifactKey;
  readonly kind: ArtifactKind;
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
  readonly step: SignalStep;
  readonly trigger: Trigger;
  readonly end: DecisionRecord['end'];
  readonly scores: readonly Score[];
  readonly missing: readonly string[];
  readonly fileName: string | null;
  readonly processEntityId: string | null;
  /** A request is held for the verdict. */
  readonly awaited: boolean;
  /** The device holds the artifact until it is told. */
  readonly held: boolean;
  /** The report itself, where there is one: it may testify. */
  readonly report: AcceptedReport | null;
}

export function occasionOf(work: Work): Occasion {
  switch (work.kind) {
    case 'report':
      return ofReport(work.join, work.end);
    case 'score':
      return ofLateScores(work.record);
    case 'finding':
      return ofFinding(work.finding);
  }
}

function ofReport(join: Join, end: JoinEnd): Occasion {
  const { report } = join;
  const scores = [...join.scores.values()];
  return {
    key: report.artifactKey,
    kind: report.artifactKind,
    tenantId: report.tenantId,
    deviceId: report.deviceId,
    step: foldReport(report, scores),
    trigger: {
      kind: 'report',
      deviceId: report.deviceId,
      reportId: report.report.id,
      reportedAt: report.report['@timestamp'],
      acceptedAt: report.acceptedAt,
      detectionSource: report.report.detectionSource,
    },
    end,
    scores,
    missing: missingClassifiers(join),
    fileName: report.report.file?.name ?? null,
    processEntityId: report.report.process?.entity_id ?? null,
    awaited: report.awaited,
    held: report.report.localAction === 'held',
    report,
  };
}

function ofLateScores(record: ReportScores): Occasion {
  const { artifactKey, tenantId, deviceId, reportId, reportedAt, awaited, held } = record;
  const scores = scoresOf(record);
  const newest = scores.reduce((last, { scoredAt }) => (scoredAt > last ? scoredAt : last), reportedAt);
  const names = scores.map(({ classifier, version }) => `${classifier}@${version}`).sort();
  return {
    key: artifactKey,
    kind: kindOfKey(artifactKey),
    tenantId,
    deviceId,
    step: foldLateScores(artifactKey, scores),
    trigger: {
      kind: 'score',
      deviceId,
      reportId,
      reportedAt,
      acceptedAt: newest,
      detail: names.join(', ').slice(0, 300),
    },
    end: 'revision',
    scores,
    missing: [],
    fileName: null,
    processEntityId: null,
    awaited,
    held,
    report: null,
  };
}

function ofFinding(finding: Finding): Occasion {
  const { targetKey, tenantId, deviceId, reportId, reportedAt, acceptedAt, id } = finding;
  return {
    key: targetKey,
    kind: kindOfKey(targetKey),
    tenantId,
    deviceId,
    step: foldFinding(finding),
    trigger: { kind: 'finding', deviceId, reportId, reportedAt, acceptedAt, detail: id },
    end: 'revision',
    scores: 'score' in finding ? [finding.score] : [],
    missing: [],
    fileName: null,
    processEntityId: 'score' in finding ? null : (finding.processEntityId ?? null),
    awaited: false,
    held: false,
    report: null,
  };
}
