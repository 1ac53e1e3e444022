import { artifactKeySchema, type ArtifactKey } from '../../contracts/artifact.ts';
import { entryId, type Subject } from '../../contracts/canonical.ts';
import type { Reach } from '../../contracts/domain.ts';
import { deviceIdSchema, tenantIdSchema, type EntryId } from '../../contracts/ids.ts';

/**
 * The rule of every reader of `verdicts` and `control`, the same in publish, ingest and the correlator, so that all of
 * them hold the same state whatever a stalled or repeating writer appends:
 *
 * - The first record of a revision counts. A record whose revision is not above the one held for that id is ignored,
 *   also where it differs.
 * - A null record (tombstone) ends the id: nothing is held, and the next record counts whatever its revision.
 * - Control records carry `version` instead, per subject (the record key).
 *
 * @param held the revision (or version) held for the id (or subject); undefined when nothing is held
 */
export function isNews(held: number | undefined, next: number): boolean {
  return held === undefined || next > held;
}

/** What the key of a `verdicts` record says; a tombstone has nothing else. */
export interface VerdictSubject {
  readonly id: EntryId;
  readonly key: ArtifactKey;
  readonly reach: Reach;
  readonly subject: Subject;
}

/** @returns null when it is no key of the `verdicts` topic */
export function readVerdictKey(recordKey: string): VerdictSubject | null {
  const [keyText = '', subjectText = '', ...more] = recordKey.split(' ');
  const key = artifactKeySchema.safeParse(keyText);
  const subject = readSubject(subjectText);
  if (!key.success || subject === null || more.length > 0) return null;
  const reach = reachOf(subject);
  return { id: entryId(key.data, reach, subject), key: key.data, reach, subject };
}

function readSubject(text: string): Subject | null {
  if (text === 'ecosystem') return { tenantId: null, deviceId: null };
  const [tenantText, deviceText] = text.split('/');
  const tenantId = tenantIdSchema.safeParse(tenantText);
  const deviceId = deviceIdSchema.nullable().safeParse(deviceText ?? null);
  return tenantId.success && deviceId.success ? { tenantId: tenantId.data, deviceId: deviceId.data } : null;
}

function reachOf(subject: Subject): Reach {
  if (subject.tenantId === null) return 'ecosystem';
  return subject.deviceId === null ? 'tenant' : 'device';
}
