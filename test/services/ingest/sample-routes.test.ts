import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { gzipSync } from 'node:zlib';
import type { ReportResult } from '../../../contracts/http.ts';
import type { DeviceId, TenantId } from '../../../contracts/ids.ts';
import { defaultPolicy, type Policy } from '../../../contracts/policy.ts';
import type { StoredSample } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import { parseValue } from '../../../platform/log/topic-log.ts';
import { reportTable } from '../../../services/record/tables.ts';
import { acceptedReport } from '../../support/history.ts';
import { artifactKeySchema } from '../../../contracts/artifact.ts';
import { eventually } from '../../support/eventually.ts';
import { startIngest, type IngestFixture } from './fixture.ts';

interface Caller {
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
  readonly credential: string;
}

let ingest: IngestFixture;
beforeAll(async () => {
  ingest = await startIngest({ sampleBytes: 100_000, sampleQuotaBytes: 250_000, sampleUploadsPerProcess: 8 });
  await ingest.begin();
}, 60_000);
afterAll(() => ingest.stop());

async function newCaller(sampleConsent: Policy['sampleConsent'] = 'safe'): Promise<Caller> {
  const { tenantId, enrollmentKey } = await ingest.createTenant();
  const { device, credential } = await ingest.enroll(enrollmentKey);
  if (sampleConsent !== 'safe') {
    const policy = { ...defaultPolicy, revision: 1, sampleConsent };
    await ingest.log.append(topics.control, [{ kind: 'policy', version: 1, tenantId, policy }]);
    await eventually(async () => {
      const answer = await ingest.call(credential, '/v1/agent/policy');
      return ((await answer.json()) as Policy).sampleConsent === sampleConsent ? true : null;
    });
  }
  return { tenantId, deviceId: device.id, credential };
}

const sha256Of = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const keyOf = (bytes: Buffer) => artifactKeySchema.parse(`file:sha256:${sha256Of(bytes)}`);

/** What the device is told when it reports the file and does not wait. */
async function report({ credential }: Caller, bytes: Buffer, name = 'tool.exe'): Promise<ReportResult> {
  const sent = {
    id: randomUUID(),
    '@timestamp': new Date().toISOString(),
    detectionSource: 'antivirus',
    localAction: 'held',
    artifact: { kind: 'file', hash: { sha256: sha256Of(bytes) } },
    file: { name, size: bytes.length },
  };
  const response = await ingest.post(credential, '/v1/reports', {
    sentAt: new Date().toISOString(),
    reports: [sent],
  });
  const { results } = (await response.json()) as { results: ReportResult[] };
  const [result] = results;
  if (result === undefined) throw new Error('There is no result.');
  return result;
}

/** Finds nothing about the file, and lets the view know it. */
async function decide(
  caller: Caller,
  bytes: Buffer,
  verdict: 'malicious' | 'no-threats-found',
  name?: string,
) {
  await report(caller, bytes, name);
  const accepted = (await ingest.reports()).find(({ artifactKey }) => artifactKey === keyOf(bytes));
  if (accepted === undefined) throw new Error('The report is not in the log.');
  await ingest.decide({ ...accepted, tenantId: caller.tenantId }, verdict);
  await eventually(async () => ((await report(caller, bytes, name)).verdict === verdict ? true : null));
}

/** Writes to history, as record would, that the device reported the file. */
async function remember({ tenantId, deviceId }: Caller, bytes: Buffer, name = 'tool.exe') {
  const accepted = acceptedReport({ tenantId, deviceId, key: keyOf(bytes), report: { file: { name } } });
  const row = reportTable.rowOf({ value: Buffer.from(JSON.stringify(accepted)) });
  if (row !== null) await reportTable.write(ingest.database.pool('firebreak_writer'), [row]);
}

async function put(
  { credential }: Caller,
  bytes: Buffer,
  { sha256 = sha256Of(bytes), headers = {} }: { sha256?: string; headers?: Record<string, string> } = {},
) {
  const response = await ingest.call(credential, `/v1/samples/${sha256}`, {
    method: 'PUT',
    body: new Uint8Array(bytes),
    headers: { 'content-type': 'application/octet-stream', ...headers },
  });
  const json = (await response.json()) as { code?: string; id?: string; artifact?: string; size?: number };
  return { status: response.status, ...json };
}

async function announced({ tenantId }: Caller): Promise<readonly StoredSample[]> {
  const samples: StoredSample[] = [];
  const from = { topic: topics.samples.name, partition: 0, offset: 0 };
  for await (const { records } of ingest.embedded.read(from))
    for (const { value } of records) {
      const sample = parseValue(topics.samples, value);
      if (sample?.tenantId === tenantId) samples.push(sample);
    }
  return samples;
}

const storedRows = async ({ tenantId }: Caller) => {
  const text = 'select state from samples.samples where tenant_id = $1';
  return (await ingest.owner.query<{ state: string }>(text, [tenantId])).rows;
};

describe('a sample is asked for', () => {
  test('where nothing was found, until the organization has sent it, whatever others sent', async () => {
    const [mine, theirs, bytes] = [await newCaller(), await newCaller(), randomBytes(100)];
    expect((await report(mine, bytes)).sample).toBeUndefined();
    await decide(mine, bytes, 'no-threats-found');
    await decide(theirs, bytes, 'no-threats-found');
    for (const caller of [mine, theirs]) await remember(caller, bytes);
    expect((await report(mine, bytes)).sample).toEqual({ wanted: true });
    expect((await put(theirs, bytes)).status).toBe(201);
    await eventually(async () => ((await report(theirs, bytes)).sample === undefined ? true : null));
    expect((await report(mine, bytes)).sample).toEqual({ wanted: true });
  });

  test('never where it is condemned, too large, no program under `safe`, or the policy is `never`', async () => {
    const caller = await newCaller();
    const [bad, large, letter] = [randomBytes(10), randomBytes(100_001), randomBytes(10)];
    await decide(caller, bad, 'malicious');
    await decide(caller, large, 'no-threats-found');
    await decide(caller, letter, 'no-threats-found', 'letter.docx');
    expect((await report(caller, bad)).sample).toBeUndefined();
    expect((await report(caller, large)).sample).toBeUndefined();
    expect((await report(caller, letter, 'letter.docx')).sample).toBeUndefined();
    const [never, any] = [await newCaller('never'), await newCaller('all')];
    await decide(never, letter, 'no-threats-found');
    await decide(any, letter, 'no-threats-found', 'letter.docx');
    expect((await report(never, letter)).sample).toBeUndefined();
    expect((await report(any, letter, 'letter.docx')).sample).toEqual({ wanted: true });
  });
});

describe('sending a sample', () => {
  test('stores it, tells the log, and is answered the same again, plain or compressed', async () => {
    const [caller, bytes] = [await newCaller(), randomBytes(5000)];
    await remember(caller, bytes);
    const first = await put(caller, bytes);
    expect(first).toMatchObject({ status: 201, artifact: keyOf(bytes), size: 5000 });
    const again = await put(caller, gzipSync(bytes), {
      sha256: sha256Of(bytes),
      headers: { 'content-encoding': 'gzip' },
    });
    expect(again).toEqual({ ...first, status: 200 });
    const samples = await announced(caller);
    expect(samples).toMatchObject([{ sampleId: first.id, sizeBytes: 5000, fileName: 'tool.exe' }]);
    const other = randomBytes(3000);
    await remember(caller, other);
    const compressed = await put(caller, gzipSync(other), {
      sha256: sha256Of(other),
      headers: { 'content-encoding': 'gzip' },
    });
    expect(compressed).toMatchObject({ status: 201, size: 3000 });
  });

  test('by several devices at a time stores it once', async () => {
    const [caller, bytes] = [await newCaller(), randomBytes(50_000)];
    await remember(caller, bytes);
    const answers = await Promise.all([put(caller, bytes), put(caller, bytes)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 201]);
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    expect(await storedRows(caller)).toEqual([{ state: 'stored' }]);
  });

  test('says what is wrong by its code, and keeps nothing', async () => {
    const [caller, bytes] = [await newCaller(), randomBytes(1000)];
    expect(await put(caller, bytes)).toMatchObject({ status: 409, code: 'FB_SAMPLE_UNREPORTED' });
    await remember(caller, bytes);
    const [large, letter] = [randomBytes(100_001), randomBytes(10)];
    await remember(caller, large);
    await remember(caller, letter, 'letter.docx');
    const sha256 = sha256Of(bytes);
    const gzip = { 'content-encoding': 'gzip' };
    expect(await put(caller, randomBytes(1000), { sha256 })).toMatchObject({
      status: 400,
      code: 'FB_HASH_MISMATCH',
    });
    expect(await put(caller, bytes, { headers: gzip })).toMatchObject({
      status: 400,
      code: 'FB_BODY_INVALID',
    });
    expect(await put(caller, large)).toMatchObject({ status: 413, code: 'FB_SAMPLE_TOO_LARGE' });
    const bomb = gzipSync(Buffer.alloc(3_000_000));
    expect(await put(caller, bomb, { sha256, headers: gzip })).toMatchObject({ status: 413 });
    expect(await put(caller, letter)).toMatchObject({ status: 409, code: 'FB_CONSENT_FORBIDS' });
    expect(await put(await newCaller('never'), bytes)).toMatchObject({
      status: 409,
      code: 'FB_CONSENT_FORBIDS',
    });
    expect(await put(caller, bytes, { headers: { 'content-type': 'text/plain' } })).toMatchObject({
      status: 415,
    });
    expect((await put(caller, bytes, { sha256: 'x' })).status).toBe(400);
    expect(await storedRows(caller)).toEqual([]);
    expect(await announced(caller)).toEqual([]);
  });

  test('stops at the quota of the organization', async () => {
    const caller = await newCaller();
    const samples = [1, 2, 3].map(() => randomBytes(99_000));
    for (const bytes of samples) await remember(caller, bytes);
    const answers = [];
    for (const bytes of samples) answers.push(await put(caller, bytes));
    expect(answers.map(({ status, code }) => [status, code])).toEqual([
      [201, undefined],
      [201, undefined],
      [409, 'FB_SAMPLE_QUOTA'],
    ]);
  });

  test('that the sender breaks off leaves nothing; more uploads at a time than there is room for are sent away', async () => {
    const [caller, bytes] = [await newCaller(), randomBytes(90_000)];
    await remember(caller, bytes);
    const begin = () => {
      const upload = httpRequest(new URL(`/v1/samples/${sha256Of(bytes)}`, ingest.url), {
        method: 'PUT',
        headers: {
          authorization: `Bearer ${caller.credential}`,
          'content-type': 'application/octet-stream',
          'content-length': bytes.length,
        },
      });
      upload.on('error', () => undefined);
      upload.write(bytes.subarray(0, 40_000));
      return upload;
    };
    const uploads = [begin(), begin()];
    await eventually(async () => ((await storedRows(caller)).length === 2 ? true : null));
    const third = await put(caller, bytes);
    expect(third).toMatchObject({ status: 429, code: 'FB_RATE_LIMITED' });
    for (const upload of uploads) upload.destroy();
    await eventually(async () => ((await storedRows(caller)).length === 0 ? true : null));
    expect((await put(caller, bytes)).status).toBe(201);
  });
});
