import { toEpochMs } from '../../contracts/ids.ts';
import { revisionOf } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import { readValue } from '../../platform/log/topic-log.ts';
import type { RecordedValue } from './recorded-value.ts';

/** A row of `history.entries`: the latest revision of a decided entry, or its revocation. */
export interface EntryRow {
  readonly entryId: string;
  readonly tenantId: string | null;
  readonly deviceId: string | null;
  readonly artifactKey: string;
  readonly revision: number;
  readonly revoked: boolean;
  /** When an entry expires, or until when a revocation is kept; milliseconds since 1970. */
  readonly endsAtMs: number;
  /** Null: now. */
  readonly recordedAtMs: number | null;
  /** The entry or the revocation; JSON on one line. */
  readonly body: string;
}

/**
 * @returns null for a tombstone: the row ends by itself
 * @throws FirebreakError FB_RECORD_UNREADABLE
 */
export function entryRow(stored: RecordedValue): EntryRow | null {
  const record = readValue(topics.verdicts, stored);
  if (record === null) return null;
  const { id, revision, key } = revisionOf(record);
  const revoked = record.kind === 'revocation';
  return {
    entryId: id,
    tenantId: record.subject.tenantId,
    deviceId: record.subject.deviceId,
    artifactKey: key,
    revision,
    revoked,
    recordedAtMs: stored.recordedAtMs ?? null,
    endsAtMs: toEpochMs(revoked ? record.keepUntil : record.entry.expiresAt),
    body: JSON.stringify(revoked ? record.revocation : record.entry),
  };
}
