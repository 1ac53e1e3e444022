import { decisionId } from '../../contracts/canonical.ts';
import type { DecisionRecord, SignalSnapshot, Trigger } from '../../contracts/decision.ts';
import type { ArtifactKind, Trust } from '../../contracts/domain.ts';
import type { DecidedEntry } from '../../contracts/entry.ts';
import { toTimestamp, type DeviceId, type TenantId } from '../../contracts/ids.ts';
import type { Score } from '../../contracts/score.ts';
import type { ArtifactSignals } from '../../contracts/signals.ts';
import type { Evidence } from '../correlate/evidence.ts';
import { engineVersion, probabilityOf, type DecisionConfig } from './config.ts';
import type { Judgement } from './decide.ts';
import { confirmationMicronats } from './terms.ts';

export interface RecordInput {
  readonly judgement: Judgement;
  readonly entry: DecidedEntry;
  /** An answer makes no revision of an entry. */
  readonly isAnswer: boolean;
  readonly kind: ArtifactKind;
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
  readonly trigger: Trigger;
  readonly end: DecisionRecord['end'];
  readonly scores: readonly Score[];
  readonly missing: readonly string[];
  readonly evidence: Evidence;
  /** Null where they were away. */
  readonly signals: ArtifactSignals | null;
  readonly trustOf: (tenantId: TenantId) => Trust;
  readonly config: DecisionConfig;
  readonly fileName: string | null;
  readonly nowMs: number;
}

/** @returns the whole record of a decision, with every input of it */
export function decisionRecord(input: RecordInput): DecisionRecord {
  const { judgement, entry, trigger } = input;
  const { combiner, ...configuration } = input.config;
  const failed = input.scores.filter(({ result }) => result.outcome === 'failed');
  const name = trigger.detail === undefined ? trigger.kind : `${trigger.kind}:${trigger.detail}`;
  return {
    decisionId: decisionId(trigger, name, judgement.reach),
    entryId: entry.id,
    revision: input.isAnswer ? 0 : entry.revision,
    artifactKey: entry.key,
    artifactKind: input.kind,
    reach: judgement.reach,
    tenantId: input.tenantId,
    deviceId: judgement.reach === 'device' ? input.deviceId : null,
    trigger,
    decidedAt: toTimestamp(input.nowMs),
    expiresAt: entry.expiresAt,
    end: input.end,
    verdict: judgement.verdict,
    action: judgement.action,
    blockFrom: judgement.blockFrom,
    ...(judgement.threatName !== null && { threatName: judgement.threatName }),
    severity: judgement.severity,
    reason: entry.reason,
    sumMicronats: judgement.sumMicronats,
    contentSumMicronats: judgement.contentSumMicronats,
    probability: Number(probabilityOf(judgement.sumMicronats).toFixed(6)),
    terms: [...judgement.terms],
    scores: [...input.scores],
    missing: [...input.missing, ...failed.map(({ classifier }) => classifier)],
    signals: snapshotOf(input),
    steps: [...judgement.steps],
    configuration,
    engineVersion,
    ...(combiner !== undefined && { combiner }),
    degraded: input.signals === null,
    ...(input.fileName !== null && { fileName: input.fileName }),
  };
}

function snapshotOf({ signals, evidence, trustOf, config }: RecordInput): SignalSnapshot {
  return {
    firstSeenAt: signals?.firstSeenMs == null ? null : toTimestamp(signals.firstSeenMs),
    lastSeenAt: signals?.lastSeenMs == null ? null : toTimestamp(signals.lastSeenMs),
    devices: evidence.devices,
    tenants: evidence.tenants,
    ownDevices: evidence.ownDevices,
    confirmations: evidence.othersConfirmed.slice(0, 64).map((confirmation) => {
      const trust = trustOf(confirmation.tenantId);
      return { trust, own: false, micronats: confirmationMicronats(confirmation, trust, config) };
    }),
  };
}
