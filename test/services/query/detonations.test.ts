import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { ArtifactKey } from '../../../contracts/artifact.ts';
import { detonationSchema } from '../../../contracts/detonation.ts';
import { detonationFindingSchema, type Finding } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import { parseBatch } from '../../../platform/log/topic-log.ts';
import { aboutFile, capeReport, installer, ransomware } from '../../classifiers/detonation/cape-reports.ts';
import { acceptedReport, fileKey } from '../../support/history.ts';
import { startQuery, type QueryFixture, type TestTenant } from './fixture.ts';

const detonationBytes = 200_000;
let query: QueryFixture;
let north: TestTenant;
let south: TestTenant;

beforeAll(async () => {
  query = await startQuery({ detonationBytes });
  north = await query.createTenant('North');
  south = await query.createTenant('South');
}, 60_000);
afterAll(() => query.stop());

/** A file that the tenant reported. */
async function meet(tenant: TestTenant, key = fileKey(randomUUID())) {
  const report = acceptedReport({ tenantId: tenant.id, key });
  await query.record({ reports: [report] });
  return report;
}

const pathOf = (key: ArtifactKey) => `/v1/artifacts/${encodeURIComponent(key)}/detonations`;
const about = (report: object, key: ArtifactKey) => aboutFile(report, key.split(':')[2] ?? '');
const handIn = (tenant: TestTenant, key: ArtifactKey, body: unknown, headers = {}) =>
  query.call(tenant.analyst, 'POST', pathOf(key), body, headers);

async function findingsOn(key: ArtifactKey): Promise<readonly Finding[]> {
  const found: Finding[] = [];
  for await (const batch of query.log.log.read({ topic: topics.evidence.name, partition: 0, offset: 0 }))
    for (const { value } of parseBatch(topics.evidence, batch).records)
      if (value?.targetKey === key) found.push(value);
  return found;
}

describe('a sandbox’s report', () => {
  test('is evidence of its organization, told with what was understood, and written down', async () => {
    const { artifactKey: key, deviceId, report } = await meet(north);
    const reply = await handIn(north, key, about(ransomware, key));
    expect(reply.status).toBe(202);
    const detonation = detonationSchema.parse(reply.json);
    expect(detonation).toMatchObject({
      artifact: key,
      sandbox: { version: '2.4-CAPE', analysis: 41 },
      classifier: 'detonation',
      threshold: 0.98,
      reason: null,
    });
    expect(detonation.probability).toBeGreaterThan(0.98);
    expect(detonation.evidence[0]).toMatchObject({
      code: 'cape:ransomware_file_modifications',
      techniques: ['T1486', 'T1485'],
      content: false,
    });
    const [finding, ...others] = await findingsOn(key);
    expect(others).toEqual([]);
    expect(detonationFindingSchema.parse(finding)).toMatchObject({
      id: detonation.id,
      tenantId: north.id,
      deviceId,
      reportId: report.id,
      score: { artifactKey: key, result: { contentProbability: null, evidence: detonation.evidence } },
    });
    const { items } = (await query.get(north.admin, `/v1/audit-log?subject=${key}`)).json;
    expect(items).toMatchObject([
      { action: 'detonation.taken', details: { id: detonation.id, sandbox: { analysis: 41 } } },
    ]);
    expect((await query.get(south.admin, `/v1/audit-log?subject=${key}`)).json.items).toEqual([]);
  });

  test('handed in again is the same finding', async () => {
    const { artifactKey: key } = await meet(north);
    const packed = gzipSync(JSON.stringify(about(ransomware, key)));
    const first = await handIn(north, key, about(ransomware, key));
    const again = await handIn(north, key, packed, { 'content-encoding': 'gzip' });
    expect([again.status, again.text]).toEqual([202, first.text]);
    expect(new Set((await findingsOn(key)).map(({ id }) => id)).size).toBe(1);
    const other = await handIn(north, key, about(installer, key));
    expect(detonationSchema.parse(other.json).id).not.toBe(detonationSchema.parse(first.json).id);
  });

  test('in which nothing ran is understood, and evidence for nothing', async () => {
    const { artifactKey: key } = await meet(north);
    const reply = await handIn(north, key, about(capeReport({ calls: [] }), key));
    expect(reply.status).toBe(200);
    expect(reply.json).toMatchObject({
      probability: null,
      reason: 'Nothing ran in the sandbox.',
      evidence: [],
    });
    expect(await findingsOn(key)).toEqual([]);
  });

  test('of a file that the organization did not report is refused, whoever else did', async () => {
    const { artifactKey: key } = await meet(north);
    const refused = await handIn(south, key, about(ransomware, key));
    expect([refused.status, refused.json.code]).toEqual([409, 'FB_SAMPLE_UNREPORTED']);
    expect(await findingsOn(key)).toEqual([]);
  });

  test('that cannot be taken is refused, with a code and without a trace', async () => {
    const { artifactKey: key } = await meet(north);
    const whole = about(ransomware, key);
    const large = JSON.stringify({ ...whole, strings: ['x'.repeat(detonationBytes)] });
    const { target: _target, ...aimless } = whole as { target: object };
    const cases: readonly [number, string, unknown, object?][] = [
      [400, 'FB_HASH_CONFLICT', ransomware],
      [400, 'FB_BODY_INVALID', { ...whole, info: undefined }],
      [400, 'FB_BODY_INVALID', aimless],
      [400, 'FB_BODY_NOT_JSON', Buffer.from(JSON.stringify(whole).slice(0, -2))],
      [400, 'FB_BODY_INVALID', Buffer.from('no gzip'), { 'content-encoding': 'gzip' }],
      [413, 'FB_BODY_TOO_LARGE', Buffer.from(large)],
      [413, 'FB_BODY_TOO_LARGE', gzipSync(large), { 'content-encoding': 'gzip' }],
      [415, 'FB_MEDIA_TYPE', whole, { 'content-type': 'application/octet-stream' }],
    ];
    for (const [status, code, body, headers] of cases) {
      const reply = await handIn(north, key, body, headers);
      expect([reply.status, reply.json.code]).toEqual([status, code]);
    }
    for (const weak of [`file:md5:${'0'.repeat(32)}`, 'domain:example.org', 'nothing']) {
      const reply = await handIn(north, weak as ArtifactKey, whole);
      expect([reply.status, reply.json.code]).toEqual([400, 'FB_QUERY_INVALID']);
    }
    const viewer = await query.call(north.viewer, 'POST', pathOf(key), whole);
    expect([viewer.status, viewer.json.code]).toEqual([403, 'FB_ROLE_INSUFFICIENT']);
    expect(await findingsOn(key)).toEqual([]);
    expect((await query.get(north.admin, `/v1/audit-log?subject=${key}`)).json.items).toEqual([]);
  });

  test('waits while another one of the organization is read, and other organizations do not', async () => {
    const [mine, theirs] = [await meet(north), await meet(south)];
    let finish = (): void => undefined;
    const slow = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(Buffer.from('{'));
        finish = () => controller.close();
      },
    });
    const held = fetch(new URL(pathOf(mine.artifactKey), query.url), {
      method: 'POST',
      body: slow,
      duplex: 'half',
      headers: { authorization: `Bearer ${north.analyst}`, 'content-type': 'application/json' },
    });
    const body = about(ransomware, mine.artifactKey);
    let refused = await handIn(north, mine.artifactKey, body);
    // The slow one may not have arrived yet.
    for (let turn = 0; turn < 50 && refused.status === 202; turn += 1)
      refused = await handIn(north, mine.artifactKey, body);
    expect([refused.status, refused.json.code]).toEqual([429, 'FB_RATE_LIMITED']);
    expect(refused.headers.get('retry-after')).toMatch(/^\d+$/);
    expect((await handIn(south, theirs.artifactKey, about(ransomware, theirs.artifactKey))).status).toBe(202);
    finish();
    expect((await held).status).toBe(400);
    expect((await handIn(north, mine.artifactKey, body)).status).toBe(202);
  });
});
