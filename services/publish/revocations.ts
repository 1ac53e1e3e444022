import { reason, type ReasonCode } from '../../contracts/domain.ts';
import type { DecidedEntry, Entry, Revocation } from '../../contracts/entry.ts';
import type { Timestamp } from '../../contracts/ids.ts';

/** The end of an entry that the log itself does not put into words. */
export function revocationOf(
  entry: Entry,
  revision: number,
  code: ReasonCode,
  decidedAt: Timestamp,
): Revocation {
  const { id, key, source } = entry;
  const common = { id, revision, key, source, reason: reason(code), restore: false, decidedAt };
  return entry.source === 'decision' ? { ...common, reach: entry.reach } : common;
}

/** "No threats found" in the place of a verdict ends it. */
export function cleared(entry: DecidedEntry): Revocation {
  return { ...revocationOf(entry, entry.revision, 'evidence-withdrawn', entry.decidedAt), restore: true };
}
