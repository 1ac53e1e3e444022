import type { ArtifactKey } from '../../contracts/artifact.ts';
import { entryId, type Subject } from '../../contracts/canonical.ts';
import { actions, blockLevels, reason, type Reach } from '../../contracts/domain.ts';
import type { DecidedEntry } from '../../contracts/entry.ts';
import { toEpochMs, toTimestamp, type DeviceId, type TenantId } from '../../contracts/ids.ts';
import { revisionOf, type VerdictRecord } from '../../contracts/records.ts';
import type { Judgement } from './decide.ts';

/** What stands in the verdict log for one artifact, as far as it concerns one device. Null: never decided. */
export interface Standing {
  readonly ecosystem: VerdictRecord | null;
  readonly tenant: VerdictRecord | null;
  /** An answer "no threats found" is in force for the device. */
  readonly answered: boolean;
}

export interface PlanInput {
  readonly judgement: Judgement;
  readonly artifactKey: ArtifactKey;
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
  readonly standing: Standing;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** What a judgement changes: a new revision of an entry, an answer for who waits, or nothing. */
export type Plan =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'entry' | 'answer'; readonly subject: Subject; readonly entry: DecidedEntry };

/**
 * An entry is written only where it adds something: nothing in force is as strong, its name became known, or the one in
 * force has lived more than half of its life. Automatic decisions never weaken what is in force: that ends by expiry, by
 * an analyst, or by a revert.
 */
export function plan(input: PlanInput): Plan {
  const { judgement, standing, nowMs } = input;
  const covering = [standing.ecosystem, standing.tenant].flatMap((record) => inForceEntry(record, nowMs));
  if (judgement.verdict === 'no-threats-found') {
    if (covering.length > 0 || standing.answered) return { kind: 'nothing' };
    const subject = subjectOf(judgement.reach, input);
    return { kind: 'answer', subject, entry: entryOf(input, subject, 1) };
  }
  const current = judgement.reach === 'ecosystem' ? standing.ecosystem : standing.tenant;
  const rivals = judgement.reach === 'ecosystem' ? inForceEntry(standing.ecosystem, nowMs) : covering;
  const subject = subjectOf(judgement.reach, input);
  const revision = current === null ? 1 : revisionOf(current).revision + 1;
  if (rivals.some((entry) => strength(entry) <= strength(judgement) && !isOutdated(entry, judgement, nowMs)))
    return { kind: 'nothing' };
  return { kind: 'entry', subject, entry: entryOf(input, subject, revision) };
}

/** Lower is stronger: by action, then by the block level from which it holds. */
function strength({ action, blockFrom }: Pick<Judgement, 'action' | 'blockFrom'>): number {
  return actions.indexOf(action) * blockLevels.length + blockLevels.indexOf(blockFrom);
}

/** Written again: in the second half of its life, or when a generic name has become a specific one. Never when that would weaken it. */
function isOutdated(entry: DecidedEntry, judgement: Judgement, nowMs: number): boolean {
  if (strength(entry) < strength(judgement) || entry.reach !== judgement.reach) return false;
  const [from, until] = [toEpochMs(entry.decidedAt), toEpochMs(entry.expiresAt)];
  const named =
    entry.threatName?.includes('/Generic.') === true && judgement.threatName?.includes('/Generic.') === false;
  return nowMs >= from + (until - from) / 2 || named;
}

function inForceEntry(record: VerdictRecord | null, nowMs: number): readonly DecidedEntry[] {
  return record?.kind === 'entry' && toEpochMs(record.entry.expiresAt) > nowMs ? [record.entry] : [];
}

export function subjectOf(
  reach: Reach,
  who: { readonly tenantId: TenantId; readonly deviceId: DeviceId },
): Subject {
  return {
    tenantId: reach === 'ecosystem' ? null : who.tenantId,
    deviceId: reach === 'device' ? who.deviceId : null,
  };
}

const minuteMs = 60_000;

function entryOf(
  { judgement, artifactKey, nowMs }: PlanInput,
  subject: Subject,
  revision: number,
): DecidedEntry {
  // An ecosystem entry tells nothing of when exactly a tenant met the artifact.
  const decidedAtMs = judgement.reach === 'ecosystem' ? Math.floor(nowMs / minuteMs) * minuteMs : nowMs;
  return {
    id: entryId(artifactKey, judgement.reach, subject),
    revision,
    key: artifactKey,
    source: 'decision',
    reach: judgement.reach,
    verdict: judgement.verdict,
    action: judgement.action,
    blockFrom: judgement.blockFrom,
    remediation: [...judgement.remediation],
    ...(judgement.threatName !== null && { threatName: judgement.threatName }),
    severity: judgement.severity,
    reason: reason(judgement.reason),
    decidedAt: toTimestamp(decidedAtMs),
    expiresAt: toTimestamp(decidedAtMs + judgement.lifeMs),
  };
}
