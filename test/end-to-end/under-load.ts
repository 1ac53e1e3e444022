import { expect } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { listAll, snapshotOf, type Follower } from './observing.ts';
import type { ReportingDevice } from './reporting-device.ts';

/** What must hold of a service that was hurt while devices reported. */

/** Resolves when every device was told of further reports that they are accepted. */
export async function untilReporting(
  reporters: readonly ReportingDevice[],
  further: number,
  patienceMs: number,
): Promise<void> {
  const before = reporters.map(({ accepted }) => accepted.size);
  await eventually(
    () => (reporters.every(({ accepted }, at) => accepted.size > (before[at] ?? 0) + further) ? true : null),
    patienceMs,
  );
}

/** Every accepted report stands in the history of its tenant, exactly once, and nothing else does. */
export async function expectRecordedOnce(
  url: string,
  tenant: TestTenant,
  reporters: readonly ReportingDevice[],
  patienceMs: number,
): Promise<void> {
  const accepted = reporters.flatMap((reporter) => [...reporter.accepted]);
  const recorded = await eventually(async () => {
    const ids = (await listAll(url, tenant, '/v1/reports')).map(({ id }) => String(id));
    if (new Set(ids).size >= accepted.length) return ids;
    await sleep(300);
    return null;
  }, patienceMs);
  expect(recorded.length).toBe(new Set(recorded).size);
  expect(recorded.toSorted()).toEqual(accepted.toSorted());
}

/** What a subscriber holds is what a snapshot tells, and it was never told anything that did not add up. */
export async function expectCurrent(
  url: string,
  { device, store, events }: Follower,
  patienceMs: number,
): Promise<void> {
  const snapshot = await eventually(async () => {
    const fresh = await snapshotOf(url, device);
    if (store.summary.digest === fresh.digest) return fresh;
    await sleep(150);
    return null;
  }, patienceMs);
  expect(store.summary).toEqual({ count: snapshot.count, digest: snapshot.digest });
  expect(snapshot.entries.length).toBe(snapshot.count);
  expect(snapshot.count).toBeGreaterThan(0);
  expect(events.filter(({ kind }) => kind === 'differs' || kind === 'resync')).toEqual([]);
}
