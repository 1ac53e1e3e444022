import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { ArtifactKey } from '../../../contracts/artifact.ts';
import { auditItemSchema, artifactViewSchema, listOf, overrideSchema } from '../../../contracts/http.ts';
import type { ControlRecord } from '../../../contracts/records.ts';
import { eventually } from '../../support/eventually.ts';
import { fileKey } from '../../support/history.ts';
import { startQuery, type QueryFixture, type TestTenant } from './fixture.ts';

let query: QueryFixture;
let north: TestTenant;
let south: TestTenant;

beforeAll(async () => {
  query = await startQuery({ overridesPerTenant: 3 });
  north = await query.createTenant('North');
  south = await query.createTenant('South');
}, 60_000);
afterAll(() => query.stop());

async function put(tenant: TestTenant, key: ArtifactKey, body: object) {
  const reply = await query.call(tenant.analyst, 'POST', `/v1/artifacts/${key}/overrides`, {
    comment: 'because',
    ...body,
  });
  expect([reply.status, reply.json.code]).toEqual([201, '']);
  return overrideSchema.parse(reply.json);
}

/** The records on one entry, once there are as many. */
async function toldOf(entryId: string, count: number): Promise<readonly ControlRecord[]> {
  return eventually(async () => {
    const told = (await query.control()).filter(
      (record) =>
        (record.kind === 'own-entry' && record.entry.id === entryId) ||
        (record.kind === 'own-revocation' && record.revocation.id === entryId),
    );
    return told.length >= count ? told : null;
  });
}

async function withdrawAll(tenant: TestTenant): Promise<void> {
  const { items } = (await query.get(tenant.analyst, '/v1/overrides?inForce=true')).json;
  for (const { id } of items) await query.call(tenant.analyst, 'DELETE', `/v1/overrides/${String(id)}`);
}

describe('an override', () => {
  test('travels at once, is replaced by a new revision, and is taken back by a revocation', async () => {
    const key = fileKey(randomUUID());
    const first = await put(north, key, { action: 'block-and-remediate' });
    expect(first).toMatchObject({ revision: 1, artifact: key, targets: { all: true }, withdrawnAt: null });
    const second = await put(north, key, { action: 'allow', restore: true, comment: 'ours' });
    expect([second.id, second.entryId, second.revision]).toEqual([first.id, first.entryId, 2]);
    const view = artifactViewSchema.parse((await query.get(north.viewer, `/v1/artifacts/${key}`)).json);
    expect(view.inForce).toMatchObject([{ id: first.entryId, action: 'allow', source: 'own', revision: 2 }]);

    expect((await query.call(north.analyst, 'DELETE', `/v1/overrides/${first.id}`)).status).toBe(204);
    expect((await query.call(north.analyst, 'DELETE', `/v1/overrides/${first.id}`)).status).toBe(204);
    expect(await toldOf(first.entryId, 3)).toMatchObject([
      {
        kind: 'own-entry',
        version: 1,
        tenantId: north.id,
        entry: { revision: 1, action: 'block-and-remediate' },
      },
      {
        kind: 'own-entry',
        version: 2,
        entry: { revision: 2, action: 'allow', reason: { code: 'override-allow' } },
      },
      { kind: 'own-revocation', version: 3, revocation: { revision: 3, key, restore: false } },
    ]);
    expect((await query.get(north.viewer, `/v1/artifacts/${key}`)).status).toBe(404);
    const { items } = (await query.get(north.viewer, `/v1/overrides?artifact=${key}`)).json;
    expect(items).toMatchObject([{ id: first.id, revision: 3, withdrawnAt: expect.any(String) }]);

    const third = await put(north, key, { action: 'block' });
    expect(third.revision).toBe(1);
    expect(third.entryId).not.toBe(first.entryId);
    const log = await query.get(north.admin, `/v1/audit-log?subject=${key}`);
    expect(
      listOf(auditItemSchema)
        .parse(log.json)
        .items.map(({ action, comment }) => [action, comment]),
    ).toEqual([
      ['override.created', 'because'],
      ['override.withdrawn', null],
      ['override.replaced', 'ours'],
      ['override.created', 'because'],
    ]);
    await withdrawAll(north);
  });

  test('for single devices stands beside the one for all; the order of its targets does not count', async () => {
    const key = fileKey(randomUUID());
    const [a, b] = [await query.createDevice(north.id), await query.createDevice(north.id)];
    const all = await put(north, key, { action: 'block' });
    const some = await put(north, key, { action: 'allow', targets: { deviceIds: [a, b] } });
    const same = await put(north, key, { action: 'audit', targets: { deviceIds: [b, a, b] } });
    expect(some.entryId).not.toBe(all.entryId);
    expect([same.entryId, same.revision]).toEqual([some.entryId, 2]);
    await withdrawAll(north);
  });

  test('stands on the key that reports have, however its artifact is spelt', async () => {
    const spelt = encodeURIComponent('domain:Exfil.Example.ORG.');
    const body = { action: 'block', targets: { all: true }, comment: 'because' };
    const made = await query.call(north.analyst, 'POST', `/v1/artifacts/${spelt}/overrides`, body);
    expect([made.status, made.json['artifact']]).toEqual([201, 'domain:exfil.example.org']);
    const { items } = (await query.get(north.viewer, `/v1/overrides?artifact=${spelt}`)).json;
    expect(items).toMatchObject([{ id: made.json['id'] }]);
    expect((await query.get(north.viewer, `/v1/artifacts/${spelt}`)).status).toBe(200);
    const none = await query.call(north.analyst, 'POST', '/v1/artifacts/ip:010.0.0.1/overrides', body);
    expect([none.status, none.json.code]).toEqual([400, 'FB_QUERY_INVALID']);
    await withdrawAll(north);
  });

  test('is its tenant’s alone', async () => {
    const key = fileKey(randomUUID());
    const mine = await put(north, key, { action: 'block' });
    expect((await query.call(south.analyst, 'DELETE', `/v1/overrides/${mine.id}`)).status).toBe(404);
    expect((await query.get(south.viewer, `/v1/overrides?artifact=${key}`)).json.items).toEqual([]);
    const theirs = await put(south, key, { action: 'allow' });
    expect(theirs.entryId).not.toBe(mine.entryId);
    await withdrawAll(north);
    await withdrawAll(south);
  });

  test('is bounded in number; one can be replaced at the bound', async () => {
    const keys = Array.from({ length: 4 }, () => fileKey(randomUUID()));
    const [first, , , last] = keys;
    if (first === undefined || last === undefined) throw new Error('four keys');
    for (const key of keys.slice(0, 3)) await put(north, key, { action: 'block' });
    const body = { action: 'block', comment: 'one too many' };
    const refused = await query.call(north.analyst, 'POST', `/v1/artifacts/${last}/overrides`, body);
    expect([refused.status, refused.json.code]).toEqual([409, 'FB_OVERRIDE_QUOTA']);
    expect((await query.get(north.viewer, `/v1/overrides?artifact=${last}`)).json.items).toEqual([]);
    expect((await put(north, first, { action: 'allow' })).revision).toBe(2);
    await withdrawAll(north);
  });

  test('says that it expired, once', async () => {
    const key = fileKey(randomUUID());
    const override = await put(north, key, {
      action: 'block-and-remediate',
      expiresAt: new Date(Date.now() + 150).toISOString(),
    });
    const told = await toldOf(override.entryId, 2);
    expect(told[1]).toMatchObject({
      kind: 'own-revocation',
      revocation: { revision: 2, reason: { code: 'expired' }, restore: false },
    });
    const { items } = (await query.get(north.viewer, '/v1/overrides?inForce=false&limit=1')).json;
    expect(items).toMatchObject([{ id: override.id, withdrawnAt: null }]);
    expect((await query.call(north.analyst, 'DELETE', `/v1/overrides/${override.id}`)).status).toBe(204);
    expect(await toldOf(override.entryId, 2)).toHaveLength(2);
  });

  test.each([
    [{ action: 'block' }, 'viewer', 403],
    [{ action: 'destroy' }, 'analyst', 400],
    [{ action: 'block', comment: '  ' }, 'analyst', 400],
    [{ action: 'block', expiresAt: '2020-01-01T00:00:00Z' }, 'analyst', 400],
    [{ action: 'block', targets: { deviceIds: [randomUUID()] } }, 'analyst', 400],
    [{ action: 'block', targets: { all: false } }, 'analyst', 400],
    [{ action: 'block', tenantId: randomUUID() }, 'analyst', 400],
  ] as const)('%j by a %s is refused with %i and changes nothing', async (body, role, status) => {
    const key = fileKey(randomUUID());
    const path = `/v1/artifacts/${key}/overrides`;
    const reply = await query.call(north[role], 'POST', path, { comment: 'c', ...body });
    expect(reply.status).toBe(status);
    expect((await query.get(north.viewer, `/v1/overrides?artifact=${key}`)).json.items).toEqual([]);
  });

  test('on another tenant’s device is refused', async () => {
    const device = await query.createDevice(south.id);
    const reply = await query.call(north.analyst, 'POST', `/v1/artifacts/${fileKey('x')}/overrides`, {
      action: 'block',
      comment: 'c',
      targets: { deviceIds: [device] },
    });
    expect(reply.json).toMatchObject({
      code: 'FB_BODY_INVALID',
      errors: [{ pointer: '/targets/deviceIds/0' }],
    });
  });
});
