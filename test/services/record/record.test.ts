import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { decisionIdSchema, toTimestamp } from '../../../contracts/ids.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import type { DeadLetter } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import { openEmbeddedLog } from '../../../platform/log/embedded/embedded-log.ts';
import { parseValue, TopicLog } from '../../../platform/log/topic-log.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createRecord } from '../../../services/record/service.ts';
import { eventually } from '../../support/eventually.ts';
import {
  acceptedReport,
  decisionFor,
  fileKey,
  newDevice,
  newTenant,
  revocationFor,
  verdictFor,
} from '../../support/history.ts';
import { startTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let owner: pg.Pool;
let log: TopicLog;
let stopRecord: () => Promise<void>;
const broken = { now: false };

async function startRecord(): Promise<() => Promise<void>> {
  const real = database.pool('firebreak_writer');
  const pool = {
    query: async (...args: unknown[]): Promise<unknown> => {
      if (broken.now) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' });
      return real.query(...(args as [string]));
    },
  } as Pick<pg.Pool, 'query'>;
  const logger = createLogger({ name: 'test', level: 'silent' });
  const { parts } = createRecord({ log, pool, limits: defaultLimits, logger, metrics: createMetrics() });
  for (const part of parts) await part.start();
  return async () => {
    for (const part of parts.toReversed()) await part.stop();
  };
}

async function untilRecorded(table: string, where: string, values: unknown[], count: number): Promise<void> {
  await eventually(async () => {
    const { rows } = await owner.query<{ n: number }>(
      `select count(*)::int as n from history.${table} where ${where}`,
      values,
    );
    return rows[0]?.n === count ? true : null;
  });
}

async function deadLetters(): Promise<readonly DeadLetter[]> {
  const letters: DeadLetter[] = [];
  for await (const batch of log.log.read({ topic: topics.deadLetters.name, partition: 0, offset: 0 })) {
    for (const { value } of batch.records) {
      const letter = parseValue(topics.deadLetters, value);
      if (letter !== null) letters.push(letter);
    }
  }
  return letters;
}

beforeAll(async () => {
  database = await startTestDatabase();
  owner = database.pool('owner');
  log = new TopicLog(await openEmbeddedLog({ connection: database.owner }), 1);
  await log.createTopics();
  stopRecord = await startRecord();
}, 60_000);
afterAll(async () => {
  await stopRecord();
  await log.log.close();
  await database.stop();
});

describe('what stands in the log comes to stand in history', () => {
  test('a report stands once, however often it is read, with the artifact counted once', async () => {
    const tenantId = newTenant();
    const accepted = acceptedReport({ tenantId });
    const other = acceptedReport({ tenantId, key: accepted.artifactKey });
    await log.append(topics.reports, [accepted, accepted, other]);
    await log.append(topics.reports, [accepted]);
    await log.append(topics.reports, [acceptedReport({ tenantId })]);
    await untilRecorded('reports', 'tenant_id = $1', [tenantId], 3);
    const { rows } = await owner.query(
      'select file_name, name_key, reports::int from history.sightings where tenant_id = $1 order by reports desc',
      [tenantId],
    );
    expect(rows).toEqual([
      { file_name: 'invoice.exe', name_key: 'invoice.exe', reports: 2 },
      { file_name: 'invoice.exe', name_key: 'invoice.exe', reports: 1 },
    ]);
  });

  test('a decision stands once; what reaches everybody has a redacted body beside it', async () => {
    const accepted = acceptedReport({ tenantId: newTenant() });
    const [own, wide] = [decisionFor(accepted), decisionFor(accepted, { reach: 'ecosystem' })];
    await log.append(topics.decisions, [own, wide, own]);
    await log.append(topics.decisions, [wide]);
    await untilRecorded('decisions', 'tenant_id = $1', [accepted.tenantId], 2);
    const { rows } = await owner.query<{ body: unknown; shared_body: unknown }>(
      'select body, shared_body from history.decisions where tenant_id = $1 order by reach desc',
      [accepted.tenantId],
    );
    expect(rows.map(({ body }) => body)).toEqual([own, wide]);
    expect(rows[0]?.shared_body).toBeNull();
    const shared = JSON.stringify(rows[1]?.shared_body);
    for (const secret of [accepted.tenantId, accepted.deviceId, accepted.report.id, 'invoice.exe'])
      expect(shared).not.toContain(secret);
  });

  test('the answer to a report that was sent again stands once; what that puts in force stands beside it', async () => {
    const accepted = acceptedReport({ tenantId: newTenant() });
    const decisionId = randomUUID();
    const again = (laterMs: number) => ({
      ...accepted,
      acceptedAt: toTimestamp(Date.parse(accepted.acceptedAt) + laterMs),
    });
    const answer = (laterMs: number) =>
      decisionFor(again(laterMs), { decisionId: decisionIdSchema.parse(decisionId), revision: 0 });
    const inForce = { ...answer(3000), revision: 1 };
    await log.append(topics.decisions, [answer(0), answer(1000)]);
    await log.append(topics.decisions, [answer(2000), inForce]);
    await log.append(topics.decisions, [answer(4000)]);
    const marker = acceptedReport({ tenantId: accepted.tenantId });
    await log.append(topics.decisions, [decisionFor(marker, { revision: 0 })]);
    await untilRecorded('decisions', 'report_id = $1', [marker.report.id], 1);
    const { rows } = await owner.query<{ revision: number }>(
      'select revision from history.decisions where decision_id = $1 order by accepted_at',
      [decisionId],
    );
    expect(rows.map(({ revision }) => revision)).toEqual([0, 1]);
  });

  test('an entry is replaced by a higher revision and by nothing else', async () => {
    const accepted = acceptedReport({ tenantId: newTenant() });
    const first = decisionFor(accepted);
    const second = { ...first, revision: 2, severity: 'high' as const };
    await log.append(topics.verdicts, [verdictFor(second), verdictFor(first)]);
    await log.append(topics.verdicts, [verdictFor(second, { severity: 'low' })]);
    await log.append(topics.verdicts, [verdictFor(first)]);
    await untilRecorded('entries', 'entry_id = $1 and revision = 2', [first.entryId], 1);
    await log.append(topics.verdicts, [revocationFor(second)]);
    await untilRecorded('entries', 'entry_id = $1 and revoked', [first.entryId], 1);
    const { rows } = await owner.query<{ revision: number }>(
      'select revision from history.entries where entry_id = $1',
      [first.entryId],
    );
    expect(rows).toEqual([{ revision: 3 }]);
  });

  test('reports of any time are kept: in their day, or where days are not kept', async () => {
    const tenantId = newTenant();
    const times = ['0000-01-01T00:00:00Z', '9999-12-31T23:59:59.999Z', '1999-01-01T00:00:00Z'];
    const reports = times.map((time) => acceptedReport({ tenantId, report: { '@timestamp': time } }));
    await log.append(topics.reports, [...reports, acceptedReport({ tenantId })]);
    await untilRecorded('reports', 'tenant_id = $1', [tenantId], 4);
    await untilRecorded('reports_default', 'tenant_id = $1', [tenantId], 3);
  });
});

describe('hostile and broken records', () => {
  test('every string is kept as it came: U+0000, unpaired surrogates, quotes, very long names', async () => {
    const tenantId = newTenant();
    const name = `a\u0000b\ud800"'\\{},\n${'\u{1F4A3}'.repeat(1500)}.exe`;
    const signer = 'NULL\u0000'.repeat(500);
    const accepted = acceptedReport({
      tenantId,
      report: { file: { name, path: 'C:\\\u0000', code_signature: { subject_name: signer } } },
    });
    await log.append(topics.reports, [accepted]);
    await log.append(topics.decisions, [decisionFor(accepted, { fileName: name, threatName: '\u0000' })]);
    await untilRecorded('reports', 'tenant_id = $1', [tenantId], 1);
    await untilRecorded('decisions', 'tenant_id = $1', [tenantId], 1);
    const { rows } = await owner.query<{ body: { report: unknown }; file_name: string }>(
      'select body, file_name from history.reports where tenant_id = $1',
      [tenantId],
    );
    expect(rows[0]?.body).toEqual(accepted);
    expect(rows[0]?.file_name).toBe(name.replace('\u0000', '\uFFFD').replace('\ud800', '\uFFFD'));
  });

  test('what cannot be read lies in the dead letters, untouched, and the rest stands', async () => {
    const tenantId = newTenant();
    const garbage = Buffer.from(`{"poison":"${randomUUID()}"`);
    const deep = Buffer.from('['.repeat(100_000));
    const record = (value: Buffer | null) => ({ key: 'k', partition: 0, value });
    const good = Buffer.from(JSON.stringify(acceptedReport({ tenantId }), null, 2));
    await log.log.append(topics.reports.name, [record(garbage), record(good), record(deep), record(null)]);
    await untilRecorded('reports', 'tenant_id = $1', [tenantId], 1);
    const letters = await eventually(async () => {
      const found = (await deadLetters()).filter(({ topic }) => topic === topics.reports.name);
      return found.length === 3 ? found : null;
    });
    expect(letters.map(({ valueBase64 }) => valueBase64)).toEqual(
      [garbage, deep, Buffer.alloc(0)].map((value) => value.toString('base64')),
    );
    expect(new Set(letters.map(({ code, group }) => `${code} ${group}`))).toEqual(
      new Set(['FB_RECORD_UNREADABLE record']),
    );
  });

  test('a row that the database refuses is found and put aside; its neighbours stand', async () => {
    const tenantId = newTenant();
    // A check that only one of the rows breaks, standing in for whatever a database may find wrong with a row.
    const device = newDevice();
    await owner.query(
      `alter table history.sightings add constraint refused check (artifact_key <> '${fileKey('refused')}')`,
    );
    const reports = Array.from({ length: 20 }, (_, n) =>
      acceptedReport({
        tenantId,
        deviceId: device,
        key: fileKey(n === 7 ? 'refused' : randomUUID()),
      }),
    );
    await log.append(topics.reports, reports);
    await untilRecorded('reports', 'tenant_id = $1', [tenantId], 19);
    const letter = await eventually(
      async () => (await deadLetters()).find(({ code }) => code === 'FB_EFFECT_FAILED') ?? null,
    );
    expect(JSON.parse(Buffer.from(letter.valueBase64, 'base64').toString())).toEqual(reports[7]);
    await owner.query('alter table history.sightings drop constraint refused');
  });
});

describe('while the database is away', () => {
  test('nothing is lost: the batch waits, and comes again after a stop', async () => {
    const tenantId = newTenant();
    broken.now = true;
    await log.append(topics.reports, [acceptedReport({ tenantId })]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await stopRecord();
    broken.now = false;
    stopRecord = await startRecord();
    await untilRecorded('reports', 'tenant_id = $1', [tenantId], 1);
    broken.now = true;
    await log.append(topics.reports, [acceptedReport({ tenantId })]);
    await new Promise((resolve) => setTimeout(resolve, 50));
    broken.now = false;
    await untilRecorded('reports', 'tenant_id = $1', [tenantId], 2);
  });
});
