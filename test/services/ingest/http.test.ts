import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { sha256Hex } from '../../../contracts/canonical.ts';
import { lookupResultSchema, reportBatchResultSchema, reportOutcomeSchema } from '../../../contracts/http.ts';
import { toTimestamp } from '../../../contracts/ids.ts';
import { defaultPolicy } from '../../../contracts/policy.ts';
import { topics } from '../../../contracts/topics.ts';
import { decidedEntry, deviceA1, ecosystem, tenantA } from '../../support/entries.ts';
import { eventually } from '../../support/eventually.ts';
import { enrollment, startIngest, type IngestFixture } from './fixture.ts';

let ingest: IngestFixture;
let device: Awaited<ReturnType<IngestFixture['enroll']>>;
let enrollmentKey: string;

beforeAll(async () => {
  ingest = await startIngest();
}, 60_000);
afterAll(() => ingest.stop());

function report(more: object = {}) {
  return {
    id: randomUUID(),
    '@timestamp': new Date().toISOString(),
    detectionSource: 'antivirus',
    localAction: 'held',
    artifact: { kind: 'file', hash: { sha256: sha256Hex(randomUUID()) } },
    ...more,
  };
}
const batch = (...reports: readonly unknown[]) => ({ sentAt: new Date().toISOString(), reports });

async function send(body: unknown, headers: Record<string, string> = {}, credential = device.credential) {
  const response = await ingest.post(credential, '/v1/reports', body, headers);
  const { now: _now, results } = reportBatchResultSchema.parse(await response.json());
  return { status: response.status, results, applied: response.headers.get('preference-applied') };
}
async function codeOf(response: Response) {
  const { code, errors } = (await response.json()) as { code: string; errors?: { pointer: string }[] };
  return {
    status: response.status,
    code,
    pointers: errors && [...new Set(errors.map(({ pointer }) => pointer))],
  };
}
/** The report as the log has it, once it has. */
const inLog = (id: string) =>
  eventually(async () => (await ingest.reports()).find((accepted) => accepted.report.id === id) ?? null);

test('until the view has read the log nobody is told anything about verdicts', async () => {
  const tenant = await ingest.createTenant();
  const early = await ingest.enroll(tenant.enrollmentKey);
  expect(early.status).toBe(201);
  const response = await ingest.post(early.credential, '/v1/reports', batch(report()));
  expect(await codeOf(response)).toMatchObject({ status: 503, code: 'FB_NOT_READY' });
  expect(response.headers.get('retry-after')).not.toBeNull();
  expect(await ingest.reports()).toEqual([]);
  await ingest.begin();
});

describe('with a device', () => {
  beforeEach(async () => {
    ({ enrollmentKey } = await ingest.createTenant());
    device = await ingest.enroll(enrollmentKey);
  });

  describe('POST /v1/reports', () => {
    test('is 202 when the log has every report, tenant and device from the credential', async () => {
      const [first, second] = [report(), report({ artifact: { kind: 'script', text: 'Get-Date' } })];
      const { status, results } = await send(batch(first, second), {
        traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`,
      });
      expect(status).toBe(202);
      expect(results).toMatchObject([
        { id: first.id, status: 'accepted', verdict: 'pending', entry: null },
        { id: second.id, status: 'accepted', artifact: `script:sha256:${sha256Hex('Get-Date')}` },
      ]);
      expect(await inLog(first.id)).toMatchObject({
        tenantId: device.device.tenantId,
        deviceId: device.device.id,
      });
    });

    test('the trace goes on through the log', async () => {
      await send(batch(report()), { traceparent: `00-${'c'.repeat(32)}-${'b'.repeat(16)}-01` });
      const traces: (string | undefined)[] = [];
      for await (const read of ingest.embedded.read({
        topic: topics.reports.name,
        partition: 0,
        offset: 0,
      })) {
        traces.push(...read.records.map(({ headers }) => headers['traceparent']));
      }
      expect(traces.at(-1)).toMatch(new RegExp(`^00-${'c'.repeat(32)}-[0-9a-f]{16}-01$`));
    });

    test('good reports stand beside bad ones, each told for itself', async () => {
      const good = report({ file: { name: 'a.exe', odd: 1 } });
      const { status, results } = await send(
        batch({ id: 'no' }, good, report({ artifact: { kind: 'file' } })),
      );
      expect(status).toBe(202);
      expect(results.map((result) => result.status)).toEqual(['rejected', 'accepted', 'rejected']);
      expect(results[0]).toMatchObject({ id: null, error: { code: 'FB_BODY_INVALID' } });
      expect(results[1]).toMatchObject({ dropped: 1 });
      expect(results[2]?.error?.errors?.[0]?.pointer).toBe('/reports/2/artifact');
      const { applied, results: strict } = await send(batch(report({ file: { odd: 1 } })), {
        prefer: 'handling=strict',
      });
      expect(strict[0]?.error?.code).toBe('FB_UNKNOWN_FIELDS');
      expect(applied).toBe('handling=strict');
    });

    test('all rejected is 202 too, and changes nothing', async () => {
      const before = (await ingest.reports()).length;
      expect((await send(batch({}, 7, null))).status).toBe(202);
      expect((await ingest.reports()).length).toBe(before);
    });

    test.each([
      ['an empty list', { reports: [] }, 'FB_BODY_INVALID', ['/reports']],
      ['501 reports', { reports: Array(501).fill({}) }, 'FB_BODY_INVALID', ['/reports']],
      ['no list', { reports: 'many' }, 'FB_BODY_INVALID', ['/reports']],
      ['no sentAt', { sentAt: undefined }, 'FB_BODY_INVALID', ['/sentAt']],
      ['a bad sentAt', { sentAt: 'yesterday' }, 'FB_BODY_INVALID', ['/sentAt']],
      ['a tenant', { tenantId: 'mine' }, 'FB_BODY_INVALID', ['/tenantId']],
    ])('%s is 400 as a whole', async (_name, more, code, pointers) => {
      const response = await ingest.post(device.credential, '/v1/reports', { ...batch(report()), ...more });
      expect(await codeOf(response)).toEqual({ status: 400, code, pointers });
    });

    test('bodies that are not what they should be are refused before any report is looked at', async () => {
      const path = '/v1/reports';
      const nested = {
        ...batch(report({ file: { a: JSON.parse('['.repeat(12) + ']'.repeat(12)) as unknown } })),
      };
      const bomb = gzipSync(Buffer.alloc(9 * 1024 * 1024, 0x20));
      const { credential } = device;
      const answers = [
        await ingest.post(credential, path, '{"sentAt"'),
        await ingest.post(credential, path, nested),
        await ingest.post(credential, path, '{"reports":[{"__proto__":{}}]}'),
        await ingest.post(credential, path, bomb, { 'content-encoding': 'gzip' }),
        await ingest.post(credential, path, 'x'.repeat(2 * 1024 * 1024 + 1)),
        await ingest.post(credential, path, '{}', { 'content-type': 'text/plain' }),
      ];
      expect((await Promise.all(answers.map(codeOf))).map(({ code }) => code)).toEqual([
        'FB_BODY_NOT_JSON',
        'FB_BODY_TOO_DEEP',
        'FB_BODY_INVALID',
        'FB_BODY_TOO_LARGE',
        'FB_BODY_TOO_LARGE',
        'FB_MEDIA_TYPE',
      ]);
    });

    test('the same id and time again is a duplicate without a second effect', async () => {
      const once = report();
      await send(batch(once));
      const { results } = await send(batch(once, { ...once, '@timestamp': '2026-11-22T00:00:00Z' }));
      expect(results.map(({ status }) => status)).toEqual(['duplicate', 'accepted']);
      const twice = report();
      const sent = await send(batch(twice, { ...twice, id: twice.id.toUpperCase() }));
      expect(sent.results.map(({ status }) => status)).toEqual(['accepted', 'duplicate']);
      expect(sent.results.map(({ id }) => id)).toEqual([twice.id, twice.id]);
      const stored = (await ingest.reports()).filter(
        ({ report: { id } }) => id === twice.id || id === once.id,
      );
      expect(stored).toHaveLength(3);
    });

    test('what is judged already comes with its verdict', async () => {
      const first = report();
      await send(batch(first));
      const entry = await ingest.decide(await inLog(first.id), 'malicious');
      const known = await eventually(async () => {
        const { results } = await send(batch(report({ artifact: first.artifact })));
        return results[0]?.status === 'known' ? results[0] : null;
      });
      expect(known).toMatchObject({ verdict: 'malicious', entry: { id: entry.id, action: 'block' } });
      const stranger = await ingest.enroll((await ingest.createTenant()).enrollmentKey);
      const { results } = await send(batch(report({ artifact: first.artifact })), {}, stranger.credential);
      expect(results[0]).toMatchObject({ status: 'accepted', verdict: 'pending', entry: null });
    });
  });

  describe('Prefer: wait', () => {
    test('holds the answer until the verdict is there, for every device that waits', async () => {
      const colleague = await ingest.enroll(enrollmentKey);
      const [own, theirs] = [report(), report()];
      theirs.artifact = own.artifact;
      const waiting = [
        send(batch(own), { prefer: 'wait=30' }),
        send(batch(theirs), { prefer: 'wait=30' }, colleague.credential),
      ];
      const accepted = await inLog(own.id);
      await inLog(theirs.id);
      expect(accepted.awaited).toBe(true);
      await ingest.decide(accepted, 'malicious');
      const [mine, yours] = await Promise.all(waiting);
      expect(mine).toMatchObject({ status: 200, applied: 'wait=30' });
      // Only the device whose report it was is told so.
      expect(mine?.results[0]).toMatchObject({
        status: 'accepted',
        verdict: 'malicious',
        entry: { reportId: own.id, target: { process: { entity_id: 'p-1' } } },
      });
      expect(yours?.results[0]).toMatchObject({ verdict: 'malicious' });
      expect(yours?.results[0]?.entry).not.toHaveProperty('reportId');
    });

    test('“no threats found” releases too', async () => {
      const held = report();
      const waiting = send(batch(held), { prefer: 'wait=30' });
      await ingest.decide(await inLog(held.id), 'no-threats-found');
      expect((await waiting).results[0]).toMatchObject({
        verdict: 'no-threats-found',
        entry: { action: 'allow' },
      });
    });

    test('time that is up is 202 with what is pending', async () => {
      const { status, applied, results } = await send(batch(report()), { prefer: 'wait=1' });
      expect({ status, applied, verdict: results[0]?.verdict }).toEqual({
        status: 202,
        applied: 'wait=1',
        verdict: 'pending',
      });
    });

    test('waiting longer than the service allows is cut, and said so', async () => {
      const first = report();
      await send(batch(first));
      await ingest.decide(await inLog(first.id), 'no-threats-found');
      await eventually(async () =>
        (await send(batch(first))).results[0]?.verdict === 'pending' ? null : true,
      );
      const { status, applied } = await send(batch(report({ artifact: first.artifact })), {
        prefer: 'wait=3600',
      });
      expect({ status, applied }).toEqual({ status: 200, applied: 'wait=60' });
    });

    test('a caller who leaves is not waited for any more', async () => {
      const leaving = new AbortController();
      const body = JSON.stringify(batch(report()));
      const call = ingest
        .call(device.credential, '/v1/reports', {
          method: 'POST',
          body,
          headers: { 'content-type': 'application/json', prefer: 'wait=60' },
          signal: leaving.signal,
        })
        .catch(() => 'left');
      const waiters = async () =>
        /firebreak_ingest_waiters (\d+)/.exec((await ingest.metrics.page()).text)?.[1];
      await eventually(async () => ((await waiters()) === '1' ? true : null));
      leaving.abort();
      expect(await call).toBe('left');
      await eventually(async () => ((await waiters()) === '0' ? true : null));
    });
  });

  describe('GET /v1/reports/{id}', () => {
    test('tells the device what became of its report, and nobody else', async () => {
      const sent = report();
      await send(batch(sent));
      const path = `/v1/reports/${sent.id}`;
      const pending = reportOutcomeSchema.parse(await (await ingest.call(device.credential, path)).json());
      expect(pending).toMatchObject({ id: sent.id, verdict: 'pending', entry: null });
      await ingest.decide(await inLog(sent.id), 'malicious');
      await eventually(async () => {
        const outcome = reportOutcomeSchema.parse(await (await ingest.call(device.credential, path)).json());
        return outcome.verdict === 'malicious' ? outcome : null;
      });
      const colleague = await ingest.enroll(enrollmentKey);
      expect((await ingest.call(colleague.credential, path)).status).toBe(404);
    });

    test('asks the history for what it does not remember', async () => {
      const id = randomUUID();
      ingest.stored.set(id, {
        '@timestamp': toTimestamp(Date.now()),
        artifact: 'domain:example.org' as never,
        acceptedAt: toTimestamp(Date.now()),
        verdict: 'suspicious',
      });
      const response = await ingest.call(device.credential, `/v1/reports/${id}`);
      expect(reportOutcomeSchema.parse(await response.json())).toMatchObject({
        verdict: 'suspicious',
        entry: null,
      });
      expect((await ingest.call(device.credential, '/v1/reports/7')).status).toBe(400);
    });
  });

  describe('POST /v1/lookups', () => {
    test('tells what is in force under the running mode of the device, in order', async () => {
      const sent = report();
      await send(batch(sent));
      const entry = await ingest.decide(await inLog(sent.id), 'malicious');
      const keys = ['domain:example.org', entry.key];
      const look = async () => {
        const response = await ingest.post(device.credential, '/v1/lookups', { keys });
        return lookupResultSchema.parse(await response.json()).results;
      };
      await eventually(async () => ((await look())[1]?.verdict === 'malicious' ? true : null));
      expect(await look()).toMatchObject([
        { key: keys[0], verdict: null, action: null, entries: [] },
        { key: keys[1], verdict: 'malicious', action: 'block', entries: [{ id: entry.id }] },
      ]);
      await ingest.call(device.credential, '/v1/agent/status', {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(status('passive')),
      });
      expect((await look())[1]?.action).toBe('audit');
    });

    test.each([[[]], [['nonsense']], [Array<string>(501).fill('ip:::1')]])('refuses %.40j', async (keys) => {
      const response = await ingest.post(device.credential, '/v1/lookups', { keys });
      expect(await codeOf(response)).toMatchObject({ status: 400, code: 'FB_BODY_INVALID' });
    });
  });

  describe('the agent', () => {
    test('gets the policy of its tenant, and 304 while it is the same', async () => {
      const policyAt = (etag?: string) =>
        ingest.call(
          device.credential,
          '/v1/agent/policy',
          etag === undefined ? {} : { headers: { 'if-none-match': etag } },
        );
      const first = await policyAt();
      expect(await first.json()).toEqual(defaultPolicy);
      const etag = first.headers.get('etag') ?? '';
      expect((await policyAt(`W/${etag}, "other"`)).status).toBe(304);
      const { tenantId } = device.device;
      const policy = { ...defaultPolicy, revision: 4, enforce: 'audit' as const };
      await ingest.log.append(topics.control, [{ kind: 'policy', version: 1, tenantId, policy }]);
      const changed = await eventually(async () => {
        const response = await policyAt(etag);
        return response.status === 200 ? response : null;
      });
      expect(await changed.json()).toEqual(policy);
    });

    test('tells how it is', async () => {
      const put = (body: unknown) =>
        ingest.call(device.credential, '/v1/agent/status', {
          method: 'PUT',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
        });
      expect((await put(status('edr-block'))).status).toBe(204);
      const { rows } = await ingest.owner.query<{ running_mode: string; policy: string }>(
        "select running_mode, agent_status ->> 'policyRevision' as policy from config.devices where id = $1",
        [device.device.id],
      );
      expect(rows).toEqual([{ running_mode: 'edr-block', policy: '3' }]);
      expect((await put({ ...status('active'), mood: 'fine' })).status).toBe(400);
    });

    test('renews its credential: the old one lives until the new one is used', async () => {
      const renew = (credential: string) =>
        ingest.call(credential, '/v1/agent/credential', { method: 'POST' });
      const works = async (credential: string) => (await ingest.call(credential, '/v1/agent/policy')).status;
      await renew(device.credential);
      const response = await renew(device.credential);
      expect(response.status).toBe(201);
      expect(response.headers.get('cache-control')).toBe('no-store');
      const { credential } = (await response.json()) as { credential: string };
      expect(await works(device.credential)).toBe(200);
      expect(await works(credential)).toBe(200);
      await sleep(5);
      expect(await codeOf(await renew(device.credential))).toMatchObject({
        status: 401,
        code: 'FB_CREDENTIAL_EXPIRED',
      });
    });

    test('that renews in a loop is stopped', async () => {
      const statuses: number[] = [];
      for (let count = 0; count < 11; count += 1) {
        statuses.push(
          (await ingest.call(device.credential, '/v1/agent/credential', { method: 'POST' })).status,
        );
      }
      expect(statuses.at(-1)).toBe(429);
    });
  });
});

test('records that cannot be read are passed over and counted, and the view goes on', async () => {
  const record = (value: string) => ({ key: 'k', partition: 0, value: Buffer.from(value) });
  const origin = { tenantId: tenantA, deviceId: deviceA1, reportId: randomUUID() };
  const entry = { ...decidedEntry(1), decidedAt: '2026-02-31T00:00:00.000Z' };
  const unreal = { kind: 'entry', subject: ecosystem, entry, origin, writer: 'w' };
  await ingest.embedded.append(topics.verdicts.name, [
    record('{'),
    record('{"kind":"odd"}'),
    record(JSON.stringify(unreal)),
  ]);
  const { enrollmentKey: key } = await ingest.createTenant();
  device = await ingest.enroll(key);
  const sent = report();
  await send(batch(sent));
  await ingest.decide(await inLog(sent.id), 'malicious');
  await eventually(async () => ((await send(batch(sent))).results[0]?.verdict === 'malicious' ? true : null));
  const { text } = await ingest.metrics.page();
  expect(text).toContain('firebreak_ingest_unreadable_records_total{topic="verdicts.v1"} 3');
});

describe('POST /v1/devices', () => {
  test('the same installation is the same device with a fresh credential, and the old one dies', async () => {
    const tenant = await ingest.createTenant();
    const first = await ingest.enroll(tenant.enrollmentKey, 'installation-x');
    const again = await ingest.enroll(tenant.enrollmentKey, 'installation-x');
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.device).toMatchObject({ id: first.device.id, tenantId: tenant.tenantId, tags: ['office'] });
    expect(await codeOf(await ingest.call(first.credential, '/v1/agent/policy'))).toMatchObject({
      code: 'FB_CREDENTIAL_EXPIRED',
    });
    expect((await ingest.call(again.credential, '/v1/agent/policy')).status).toBe(200);
    const { rows } = await ingest.owner.query('select record from config.outbox where tenant_id = $1', [
      tenant.tenantId,
    ]);
    expect(rows).toMatchObject([
      { record: { kind: 'device', status: 'active', version: 2, deviceId: first.device.id } },
    ]);
  });

  test('two installations at once count as two uses, one twice at once as one', async () => {
    const tenant = await ingest.createTenant(2);
    const installations = ['installation-a', 'installation-a', 'installation-b'];
    const enrolled = await Promise.all(installations.map((id) => ingest.enroll(tenant.enrollmentKey, id)));
    expect(enrolled.map(({ status: code }) => code).sort()).toEqual([200, 201, 201]);
    const third = await ingest.post(tenant.enrollmentKey, '/v1/devices', {
      ...enrollment,
      installationId: 'installation-c',
    });
    expect(await codeOf(third)).toMatchObject({ status: 409, code: 'FB_ENROLLMENT_KEY_USED_UP' });
    const { rows } = await ingest.owner.query('select id from config.devices where tenant_id = $1', [
      tenant.tenantId,
    ]);
    expect(rows).toHaveLength(2);
  });

  test('is for enrolment keys, and checks what it gets', async () => {
    const tenant = await ingest.createTenant();
    const { credential } = await ingest.enroll(tenant.enrollmentKey);
    expect((await ingest.post(credential, '/v1/devices', enrollment)).status).toBe(403);
    const bad = await ingest.post(tenant.enrollmentKey, '/v1/devices', {
      ...enrollment,
      tenantId: 'x',
      runningMode: 'off',
    });
    expect((await codeOf(bad)).pointers?.sort()).toEqual(['/runningMode', '/tenantId']);
  });
});

function status(runningMode: string) {
  return {
    agent: enrollment.agent,
    capabilities: enrollment.capabilities,
    runningMode,
    policyRevision: 3,
    cursor: null,
    digest: null,
    count: null,
    bootId: 'boot-1',
  };
}
