import { discloseDecision } from '../../contracts/disclosure.ts';
import { toEpochMs } from '../../contracts/ids.ts';
import { topics } from '../../contracts/topics.ts';
import { storableText } from '../../platform/postgres/text.ts';
import { bodyOf, present, type RecordedValue } from './recorded-value.ts';

/** A row of `history.decisions`. Times in milliseconds since 1970. */
export interface DecisionRow {
  readonly decisionId: string;
  readonly acceptedAtMs: number;
  readonly decidedAtMs: number;
  readonly expiresAtMs: number;
  readonly tenantId: string;
  readonly deviceId: string;
  readonly reportId: string;
  readonly entryId: string;
  readonly revision: number;
  readonly artifactKey: string;
  readonly artifactKind: string;
  readonly reach: string;
  readonly verdict: string;
  readonly action: string;
  readonly blockFrom: string;
  readonly severity: string;
  readonly reasonCode: string;
  readonly threatName: string | null;
  readonly detectionSource: string | null;
  readonly fileName: string | null;
  /** Who gave a score, by id, separated by blanks. */
  readonly classifiers: string;
  /** Null: now. */
  readonly recordedAtMs: number | null;
  readonly body: string;
  /** What other tenants may read of a decision that reaches them; JSON on one line. */
  readonly sharedBody: string | null;
}

/**
 * @param k from how many tenants on counts are told to others
 * @throws FirebreakError FB_RECORD_UNREADABLE when it is not a decision record
 */
export function decisionRow(record: RecordedValue, k: number): DecisionRow {
  const decision = present(topics.decisions, record);
  const { trigger, threatName, fileName, scores } = decision;
  const scored = scores
    .filter(({ result }) => result.outcome === 'score')
    .map(({ classifier }) => classifier);
  const shared = decision.reach === 'ecosystem' ? discloseDecision(decision, null, k) : null;
  return {
    decisionId: decision.decisionId,
    entryId: decision.entryId,
    revision: decision.revision,
    artifactKey: decision.artifactKey,
    artifactKind: decision.artifactKind,
    reach: decision.reach,
    tenantId: decision.tenantId,
    verdict: decision.verdict,
    action: decision.action,
    blockFrom: decision.blockFrom,
    severity: decision.severity,
    acceptedAtMs: toEpochMs(trigger.acceptedAt),
    recordedAtMs: record.recordedAtMs ?? null,
    decidedAtMs: toEpochMs(decision.decidedAt),
    expiresAtMs: toEpochMs(decision.expiresAt),
    deviceId: trigger.deviceId,
    reportId: trigger.reportId,
    reasonCode: decision.reason.code,
    threatName: threatName === undefined ? null : storableText(threatName),
    detectionSource: trigger.detectionSource ?? null,
    fileName: fileName === undefined ? null : storableText(fileName),
    classifiers: storableText([...new Set(scored)].join(' ')),
    body: bodyOf(record, decision),
    sharedBody: shared === null ? null : JSON.stringify(shared),
  };
}
