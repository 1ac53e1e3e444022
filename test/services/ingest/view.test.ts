import { describe, expect, test } from '@jest/globals';
import { toTimestamp } from '../../../contracts/ids.ts';
import { defaultPolicy } from '../../../contracts/policy.ts';
import type { Answer, VerdictRecord } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import { View } from '../../../services/ingest/view.ts';
import {
  decidedEntry,
  deviceA1,
  deviceA2,
  deviceB1,
  ecosystem,
  ownEntry,
  revocationOf,
  sampleKey,
  tenantA,
  tenantB,
} from '../../support/entries.ts';

const nowMs = 1_790_000_100_000;
const inTenantA = { tenantId: tenantA, deviceId: null };
const onDeviceA1 = { tenantId: tenantA, deviceId: deviceA1 };
const origin = { tenantId: tenantA, deviceId: deviceA1, reportId: '018f2222-0000-7000-8000-000000000001' };
const key = sampleKey(1);

function entryRecord(revision: number, subject = ecosystem, more = {}) {
  const entry = decidedEntry(1, revision, subject, more);
  return topics.verdicts.schema.parse({ kind: 'entry', subject, entry, origin, writer: 'w' });
}
function put(view: View, record: VerdictRecord) {
  return view.applyVerdict(topics.verdicts.keyOf(record), record);
}
function revoke(revision: number): VerdictRecord {
  const revocation = revocationOf(decidedEntry(1), revision);
  return topics.verdicts.schema.parse({
    kind: 'revocation',
    subject: ecosystem,
    revocation,
    keepUntil: toTimestamp(nowMs + 1e9),
    writer: 'w',
  });
}
function answer(subject = inTenantA as typeof inTenantA | typeof onDeviceA1): Answer {
  const more = {
    verdict: 'no-threats-found',
    action: 'allow',
    remediation: [],
    expiresAt: toTimestamp(nowMs + 1000),
  };
  const entry = decidedEntry(1, 1, subject, more);
  return topics.answers.schema.parse({ artifactKey: key, subject, entry, origin, held: false });
}
const seenBy = (view: View, atMs = nowMs) => ({
  a1: view.forCaller(key, tenantA, deviceA1, atMs).length,
  a2: view.forCaller(key, tenantA, deviceA2, atMs).length,
  b1: view.forCaller(key, tenantB, deviceB1, atMs).length,
});

describe('the view of what is in force', () => {
  test('gives entries to whom they reach, as they were', () => {
    const view = new View({ benignCacheEntries: 10 });
    for (const subject of [ecosystem, inTenantA, onDeviceA1]) put(view, entryRecord(1, subject));
    expect(seenBy(view)).toEqual({ a1: 3, a2: 2, b1: 1 });
    expect(view.forCaller(key, tenantB, deviceB1, nowMs)).toEqual([decidedEntry(1)]);
  });

  test('ignores what is not above the revision that it has', () => {
    const view = new View({ benignCacheEntries: 10 });
    expect(put(view, entryRecord(2))).toHaveLength(1);
    expect(put(view, entryRecord(2, ecosystem, { action: 'audit' }))).toEqual([]);
    expect(put(view, entryRecord(1))).toEqual([]);
    expect(view.forCaller(key, tenantB, deviceB1, nowMs)).toEqual([decidedEntry(1, 2)]);
  });

  test('a revocation ends an entry, and a late entry of before does not bring it back', () => {
    const view = new View({ benignCacheEntries: 10 });
    put(view, entryRecord(1));
    expect(put(view, revoke(2))).toEqual([]);
    put(view, entryRecord(1));
    expect(seenBy(view).b1).toBe(0);
    put(view, entryRecord(3));
    expect(seenBy(view).b1).toBe(1);
  });

  test('a tombstone forgets it altogether', () => {
    const view = new View({ benignCacheEntries: 10 });
    put(view, entryRecord(5));
    view.applyVerdict(topics.verdicts.keyOf(entryRecord(5)), null);
    expect(view.size.decided).toBe(0);
    put(view, entryRecord(1));
    expect(seenBy(view).b1).toBe(1);
  });

  test('entries end at their expiry, and not a moment later', () => {
    const view = new View({ benignCacheEntries: 10 });
    put(view, entryRecord(1, ecosystem, { expiresAt: toTimestamp(nowMs) }));
    expect(seenBy(view, nowMs - 1).b1).toBe(1);
    expect(seenBy(view, nowMs).b1).toBe(0);
  });

  test('“no threats found” counts for its tenant until it expires, or falls out of the cache', () => {
    const view = new View({ benignCacheEntries: 1 });
    expect(view.applyAnswer(answer())).toMatchObject([
      { key, subject: inTenantA, origin: { deviceId: deviceA1 } },
    ]);
    expect(seenBy(view)).toEqual({ a1: 1, a2: 1, b1: 0 });
    expect(view.forCaller(key, tenantA, deviceA2, nowMs)).toEqual([answer().entry]);
    expect(seenBy(view, nowMs + 1000).a1).toBe(0);
    view.applyAnswer(answer());
    view.applyAnswer(answer(onDeviceA1));
    expect(seenBy(view)).toEqual({ a1: 1, a2: 0, b1: 0 });
  });

  test('a verdict takes the place of an answer to the same subject', () => {
    const view = new View({ benignCacheEntries: 10 });
    view.applyAnswer(answer());
    put(view, entryRecord(1, inTenantA));
    expect(view.forCaller(key, tenantA, deviceA1, nowMs)).toEqual([decidedEntry(1, 1, inTenantA)]);
  });

  test('own entries are of their tenant, versioned, and end by revocation or tombstone', () => {
    const view = new View({ benignCacheEntries: 10 });
    const own = (version: number, more = {}) =>
      topics.control.schema.parse({
        kind: 'own-entry',
        version,
        tenantId: tenantA,
        entry: ownEntry(1, version, more),
      });
    const recordKey = topics.control.keyOf(own(1));
    expect(view.applyControl(recordKey, own(2))).toMatchObject([{ subject: inTenantA, origin: null }]);
    view.applyControl(recordKey, own(1, { action: 'block' }));
    expect(seenBy(view)).toEqual({ a1: 1, a2: 1, b1: 0 });
    expect(view.forCaller(key, tenantA, deviceA1, nowMs)).toEqual([ownEntry(1, 2)]);
    const one = own(3, { targets: { deviceIds: [deviceA2] } });
    expect(view.applyControl(recordKey, one)).toMatchObject([
      { subject: { tenantId: tenantA, deviceId: deviceA2 } },
    ]);
    const ended = topics.control.schema.parse({
      kind: 'own-revocation',
      version: 4,
      tenantId: tenantA,
      revocation: revocationOf(ownEntry(1), 4),
      keepUntil: toTimestamp(nowMs),
    });
    view.applyControl(recordKey, ended);
    expect(seenBy(view)).toEqual({ a1: 0, a2: 0, b1: 0 });
    view.applyControl(recordKey, own(5));
    view.applyControl(recordKey, null);
    expect(seenBy(view)).toEqual({ a1: 0, a2: 0, b1: 0 });
  });

  test('the policy of a tenant is the default until it has one', () => {
    const view = new View({ benignCacheEntries: 10 });
    expect(view.policyOf(tenantA)).toEqual(defaultPolicy);
    const policy = { ...defaultPolicy, revision: 1, blockLevel: 'high' as const };
    view.applyControl(`policy:${tenantA}`, { kind: 'policy', version: 1, tenantId: tenantA, policy });
    expect(view.policyOf(tenantA)).toEqual(policy);
    expect(view.policyOf(tenantB)).toEqual(defaultPolicy);
  });
});
