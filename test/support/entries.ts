import fc from 'fast-check';
import { artifactKeySchema } from '../../contracts/artifact.ts';
import { entryId, sha256Hex, type Subject } from '../../contracts/canonical.ts';
import { actions, blockLevels, reason, reasonTexts, type ReasonCode } from '../../contracts/domain.ts';
import {
  decidedEntrySchema,
  ownEntrySchema,
  revocationSchema,
  type DecidedEntry,
  type OwnEntry,
  type Revocation,
} from '../../contracts/entry.ts';
import { deviceIdSchema, tenantIdSchema, toTimestamp } from '../../contracts/ids.ts';

/** Entries for tests: few artifacts, so that random sequences meet the same ones again. */

export const tenantA = tenantIdSchema.parse('018f0000-0000-7000-8000-00000000000a');
export const tenantB = tenantIdSchema.parse('018f0000-0000-7000-8000-00000000000b');
export const deviceA1 = deviceIdSchema.parse('018f0000-0000-7000-8000-0000000000a1');
export const deviceA2 = deviceIdSchema.parse('018f0000-0000-7000-8000-0000000000a2');
export const deviceB1 = deviceIdSchema.parse('018f0000-0000-7000-8000-0000000000b1');

export const ecosystem: Subject = { tenantId: null, deviceId: null };

export function sampleKey(number: number) {
  return artifactKeySchema.parse(
    number % 5 === 4 ? `domain:host-${number}.example.org` : `file:sha256:${sha256Hex(`artifact ${number}`)}`,
  );
}

function reachOf(subject: Subject): 'ecosystem' | 'tenant' | 'device' {
  if (subject.tenantId === null) return 'ecosystem';
  return subject.deviceId === null ? 'tenant' : 'device';
}

export function decidedEntry(
  number: number,
  revision = 1,
  subject = ecosystem,
  more: object = {},
): DecidedEntry {
  const key = sampleKey(number);
  const reach = reachOf(subject);
  return decidedEntrySchema.parse({
    id: entryId(key, reach, subject),
    revision,
    key,
    source: 'decision',
    reach,
    verdict: 'malicious',
    action: 'block-and-remediate',
    blockFrom: 'default',
    remediation: ['stop-process', 'quarantine'],
    threatName: 'Behavior:Win32/CredentialAccess.A!ml',
    severity: 'high',
    reason: reason('content-evidence'),
    decidedAt: toTimestamp(1_790_000_000_000 + revision * 1000),
    expiresAt: toTimestamp(1_792_592_000_000 + revision * 1000),
    ...more,
  });
}

export function ownEntry(number: number, revision = 1, more: object = {}): OwnEntry {
  return ownEntrySchema.parse({
    id: `018f1111-0000-7000-8000-${number.toString(16).padStart(12, '0')}`,
    revision,
    key: sampleKey(number),
    source: 'own',
    targets: { all: true },
    action: 'allow',
    blockFrom: 'default',
    remediation: [],
    severity: 'informational',
    reason: reason('override-allow'),
    decidedAt: toTimestamp(1_790_000_000_000),
    expiresAt: null,
    ...more,
  });
}

export function revocationOf(entry: DecidedEntry | OwnEntry, revision = entry.revision + 1): Revocation {
  return revocationSchema.parse({
    id: entry.id,
    revision,
    key: entry.key,
    source: entry.source,
    ...(entry.source === 'decision' && { reach: entry.reach }),
    reason: reason('evidence-withdrawn'),
    restore: true,
    decidedAt: toTimestamp(1_790_000_500_000),
  });
}

/** Any decided entry of a dozen artifacts. */
export const anyDecidedEntry = fc
  .record({
    number: fc.nat(11),
    revision: fc.integer({ min: 1, max: 9 }),
    action: fc.constantFrom(...actions),
    blockFrom: fc.constantFrom(...blockLevels),
    code: fc.constantFrom(
      ...Object.keys(reasonTexts).filter((code): code is ReasonCode => code in reasonTexts),
    ),
  })
  .map(({ number, revision, action, blockFrom, code }) =>
    decidedEntry(number, revision, ecosystem, { action, blockFrom, reason: reason(code) }),
  );
