import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DecisionRecord } from '../../../contracts/decision.ts';
import { acceptedReport, decisionFor } from '../../support/history.ts';
import { startQuery, type QueryFixture, type TestTenant } from './fixture.ts';

const dayMs = 86_400_000;
let query: QueryFixture;
let north: TestTenant;

beforeAll(async () => {
  query = await startQuery();
  north = await query.createTenant();
  await query.database.pool('firebreak_writer').query('select history.maintain(20, 2, 180)');
}, 60_000);
afterAll(() => query.stop());

/** Decisions accepted so many days ago, recorded now, one after the other. */
async function recordAged(daysAgo: readonly number[]): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const days of daysAgo) {
    const accepted = acceptedReport({ tenantId: north.id, atMs: Date.now() - days * dayMs });
    const decision: DecisionRecord = decisionFor(accepted);
    await query.record({ reports: [accepted], decisions: [decision] });
    ids.push(decision.decisionId);
    await sleep(2);
  }
  return ids;
}

async function walk(path: string, field: string): Promise<readonly unknown[]> {
  const seen: unknown[] = [];
  for (let after: string | null = ''; after !== null;) {
    const { json } = await query.get(north.viewer, after === '' ? path : `${path}&after=${after}`);
    seen.push(...json.items.map((item) => item[field]));
    after = json.next;
  }
  return seen;
}

test('the order is that of recording, whatever day a row belongs to: late ones, of every age, stand on top', async () => {
  // Also before the days that are kept, and after the last one that is made.
  const ids = await recordAged([0, 19, 3, 400, 0, 7, 12, -1, -30, 5, 19, 1, 0, 60, 2]);
  const newest = ids.toReversed();
  expect(await walk('/v1/verdicts?limit=1', 'decisionId')).toEqual(newest);
  expect(await walk('/v1/verdicts?limit=4', 'decisionId')).toEqual(newest);
  expect(await walk('/v1/verdicts?limit=100&verdict=malicious', 'decisionId')).toEqual(newest);
  expect(await walk('/v1/verdicts?limit=100&verdict=suspicious', 'decisionId')).toEqual([]);
  expect(await walk('/v1/reports?limit=3', 'id')).toHaveLength(ids.length);

  const { json } = await query.get(north.viewer, '/v1/verdicts?limit=100');
  const times = json.items.map((item) => String(item['recordedAt']));
  const [from, to] = [times[10] ?? '', times[3] ?? ''];
  const between = await walk(`/v1/verdicts?limit=2&from=${from}&to=${to}`, 'decisionId');
  expect(between).toEqual(newest.slice(4, 11));
});

test('a replayed row of an old day comes to stand on top of newer days', async () => {
  const marker = randomUUID();
  const accepted = acceptedReport({ tenantId: north.id, atMs: Date.now() - 15 * dayMs });
  const late = decisionFor(accepted, { threatName: marker });
  await query.record({ decisions: [late] });
  const { json } = await query.get(north.viewer, '/v1/verdicts?limit=1');
  expect(json.items[0]?.['decisionId']).toBe(late.decisionId);
});
