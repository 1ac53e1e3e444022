import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type pg from 'pg';
import { defaultLimits } from '../../../contracts/limits.ts';
import { toTimestamp, type TenantId } from '../../../contracts/ids.ts';
import { topics } from '../../../contracts/topics.ts';
import { openEmbeddedLog } from '../../../platform/log/embedded/embedded-log.ts';
import { TopicLog } from '../../../platform/log/topic-log.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createRecordEvents } from '../../../services/record/events.ts';
import { emptyHistory, rebuildHistory, type RebuildProgress } from '../../../services/record/rebuild.ts';
import { createRecord } from '../../../services/record/service.ts';
import { eventually } from '../../support/eventually.ts';
import { acceptedReport, decisionFor, newTenant, revocationFor, verdictFor } from '../../support/history.ts';
import { startTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const dayMs = 86_400_000;
let database: TestDatabase;
let owner: pg.Pool;
let log: TopicLog;
let tenantId: TenantId;

beforeAll(async () => {
  database = await startTestDatabase();
  owner = database.pool('owner');
  log = new TopicLog(await openEmbeddedLog({ connection: database.owner }), 2);
  await log.createTopics();
}, 60_000);
afterAll(async () => {
  await log.log.close();
  await database.stop();
});
beforeEach(() => {
  tenantId = newTenant();
});

interface Run {
  readonly logIdentity?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

const events = () => createRecordEvents(createLogger({ name: 'test', level: 'silent' }), createMetrics());
const rebuild = (run: Run = {}) =>
  rebuildHistory({
    log: log.log,
    logIdentity: 'this one',
    pool: database.pool('firebreak_writer'),
    limits: defaultLimits,
    events: events(),
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...run,
  });

async function empty(): Promise<void> {
  const client = await owner.connect();
  await emptyHistory(client);
  client.release();
}

async function count(table: string): Promise<number> {
  const text = `select count(*)::int as n from history.${table} where tenant_id = $1`;
  return (await owner.query<{ n: number }>(text, [tenantId])).rows[0]?.n ?? 0;
}

async function positions(): Promise<number> {
  const { rows } = await owner.query<{ n: number }>(
    'select count(*)::int as n from history.rebuild_positions',
  );
  return rows[0]?.n ?? 0;
}

const reports = (n: number) => Array.from({ length: n }, () => acceptedReport({ tenantId }));

describe('a rebuild of history', () => {
  test('writes what all partitions hold, decisions of weeks ago in their day, the last word on each entry', async () => {
    const accepted = reports(40);
    const decisions = accepted.map((report) => decisionFor(report));
    const [first] = decisions;
    const [report] = accepted;
    if (first === undefined || report === undefined) throw new Error('There is none.');
    const weeksAgo = toTimestamp(Date.now() - 20 * dayMs);
    const old = decisionFor(report, { trigger: { ...first.trigger, acceptedAt: weeksAgo } });
    await log.append(topics.reports, accepted);
    await log.append(topics.decisions, [...decisions, old]);
    await log.append(topics.verdicts, [...decisions.map((each) => verdictFor(each)), revocationFor(first)]);
    expect(await rebuild()).toMatchObject({ isComplete: true, refused: 0 });
    expect([await count('reports'), await count('sightings')]).toEqual([40, 40]);
    expect([await count('decisions'), await count('decisions_default')]).toEqual([41, 0]);
    expect(await count('entries')).toBe(40);
    const { rows } = await owner.query('select revision, revoked from history.entries where entry_id = $1', [
      first.entryId,
    ]);
    expect(rows).toEqual([{ revision: 2, revoked: true }]);
    expect(await positions()).toBe(0);
  });

  test('that is stopped goes on where it was: nothing is read twice, nothing left out', async () => {
    await log.append(topics.reports, reports(3000));
    await empty();
    const stopping = new AbortController();
    const stopped = await rebuild({
      signal: stopping.signal,
      onProgress: ({ topic }) => {
        if (topic === topics.reports.name) stopping.abort();
      },
    });
    expect(stopped.isComplete).toBe(false);
    const half = await count('reports');
    expect(half).toBeLessThan(3000);
    expect(await positions()).toBeGreaterThan(0);
    const rest = await rebuild();
    expect(rest.isComplete).toBe(true);
    expect(await count('reports')).toBe(3000);
    const all = await rebuild();
    expect(stopped.records + rest.records).toBe(all.records);
  });

  test('begins anew when history was emptied, or the log is another one', async () => {
    await log.append(topics.reports, reports(10));
    const stop = async (): Promise<void> => {
      const stopping = new AbortController();
      stopping.abort();
      expect((await rebuild({ signal: stopping.signal })).isComplete).toBe(false);
      expect(await positions()).toBeGreaterThan(0);
    };
    const whole = (await rebuild()).records;
    await stop();
    await empty();
    expect((await rebuild()).records).toBe(whole);
    await stop();
    expect((await rebuild({ logIdentity: 'another one' })).records).toBe(whole);
  });

  test('beside the service that records, both come to the same', async () => {
    await empty();
    const { parts } = createRecord({
      log,
      pool: database.pool('firebreak_writer'),
      limits: defaultLimits,
      logger: createLogger({ name: 'test', level: 'silent' }),
      metrics: createMetrics(),
    });
    for (const part of parts) await part.start();
    const accepted = reports(1500);
    const key = accepted[0]?.artifactKey;
    for (let at = 0; at < accepted.length; at += 100) {
      const some = accepted
        .slice(at, at + 100)
        .map((each) => ({ ...each, artifactKey: key ?? each.artifactKey }));
      await Promise.all([
        log.append(topics.reports, some),
        log.append(
          topics.decisions,
          some.map((each) => decisionFor(each)),
        ),
        log.append(
          topics.verdicts,
          some.map((each) => verdictFor(decisionFor(each))),
        ),
        rebuild(),
      ]);
    }
    await eventually(async () => ((await count('reports')) === 1500 ? true : null));
    await eventually(async () => ((await count('decisions')) === 1500 ? true : null));
    for (const part of parts.toReversed()) await part.stop();
    const { rows } = await owner.query<{ reports: number }>(
      'select sum(reports)::int as reports from history.sightings where tenant_id = $1',
      [tenantId],
    );
    expect(rows).toEqual([{ reports: 1500 }]);
  });

  test('counts what no row can be made of, and adds nothing to the dead letters', async () => {
    const ends = await log.log.ends(topics.deadLetters.name);
    await log.log.append(topics.reports.name, [{ key: 'k', partition: 0, value: Buffer.from('{') }]);
    await log.append(topics.reports, reports(1));
    expect(await rebuild()).toMatchObject({ isComplete: true, refused: 1 });
    expect(await count('reports')).toBe(1);
    expect(await log.log.ends(topics.deadLetters.name)).toEqual(ends);
  });
});
