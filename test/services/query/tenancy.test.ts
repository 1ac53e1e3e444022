import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import {
  auditItemSchema,
  createdEnrollmentKeySchema,
  createdTokenSchema,
  deviceSchema,
  enrollmentKeySchema,
  listOf,
  tenantSchema,
  tokenSchema,
} from '../../../contracts/http.ts';
import { eventually } from '../../support/eventually.ts';
import { startQuery, type QueryFixture, type TestTenant } from './fixture.ts';

let query: QueryFixture;
let north: TestTenant;
let south: TestTenant;

beforeAll(async () => {
  query = await startQuery();
  north = await query.createTenant('North');
  south = await query.createTenant('South');
}, 60_000);
afterAll(() => query.stop());

async function auditOf(tenant: TestTenant, action: string) {
  const reply = await query.get(tenant.admin, `/v1/audit-log?action=${action}`);
  return listOf(auditItemSchema).parse(reply.json).items;
}

describe('the operator', () => {
  test('makes organizations, whose secrets work at once and are told once', async () => {
    const created = await query.call(query.operator, 'POST', '/v1/tenants', { name: ' East \u0000\ud800 ' });
    expect(created.status).toBe(201);
    const listed = await query.get(query.operator, '/v1/tenants?limit=1');
    const [tenant] = listOf(tenantSchema).parse(listed.json).items;
    expect(tenant).toMatchObject({ name: 'East \uFFFD\uFFFD', trust: 'new' });
    expect(listed.text).not.toMatch(/fb[edu]_/);
    expect((await query.get(String(created.json['adminToken']), '/v1/tokens')).status).toBe(200);
    await expect(
      query.authenticator.authenticate(String(created.json['enrollmentKey'])),
    ).resolves.toMatchObject({ kind: 'enrollment' });
  });

  test('sets trust: audited, told to everybody, and a suspended organization is refused', async () => {
    const tenant = await query.createTenant('West');
    const path = `/v1/tenants/${tenant.id}`;
    const patched = await query.call(query.operator, 'PATCH', path, { trust: 'suspended' });
    expect(tenantSchema.parse(patched.json).trust).toBe('suspended');
    const told = await eventually(async () => {
      const records = (await query.control()).filter(
        (record) => record.kind === 'tenant' && record.tenantId === tenant.id,
      );
      return records.length === 2 ? records : null;
    });
    expect(told).toMatchObject([
      { version: 1, trust: 'new' },
      { version: 2, trust: 'suspended' },
    ]);
    for (const record of told) query.authenticator.invalidate(record);
    expect((await query.get(tenant.viewer, '/v1/reports')).json.code).toBe('FB_TENANT_SUSPENDED');
    await query.call(query.operator, 'PATCH', path, { trust: 'established' });
    const reply = await eventually(async () => {
      const audit = await query.get(tenant.admin, '/v1/audit-log?action=tenant.trust');
      return audit.status === 200 ? audit : null;
    });
    expect(listOf(auditItemSchema).parse(reply.json).items).toMatchObject([
      { actor: 'operator', subject: tenant.id, details: { trust: 'established' } },
      { actor: 'operator', subject: tenant.id, details: { trust: 'suspended' } },
    ]);
  });

  test('sees no tenant’s content, and nobody else sees the tenants', async () => {
    const paths = [
      '/v1/verdicts',
      '/v1/reports',
      '/v1/overrides',
      '/v1/audit-log',
      '/v1/devices',
      '/v1/tokens',
    ];
    for (const path of paths)
      expect((await query.get(query.operator, path)).json.code).toBe('FB_ROLE_INSUFFICIENT');
    expect((await query.get(north.admin, '/v1/tenants')).json.code).toBe('FB_ROLE_INSUFFICIENT');
    const nobody = await query.call(query.operator, 'PATCH', `/v1/tenants/${randomUUID()}`, { trust: 'new' });
    expect(nobody.status).toBe(404);
  });
});

describe('roles', () => {
  test.each([
    ['viewer', 'GET', '/v1/verdicts', 200],
    ['viewer', 'GET', '/v1/devices', 200],
    ['viewer', 'GET', '/v1/tokens', 403],
    ['viewer', 'GET', '/v1/audit-log', 403],
    ['analyst', 'GET', '/v1/audit-log', 403],
    ['analyst', 'POST', '/v1/tokens', 403],
    ['admin', 'GET', '/v1/audit-log', 200],
  ] as const)('%s %s %s is answered %i', async (role, method, path, status) => {
    expect((await query.call(north[role], method, path)).status).toBe(status);
  });
});

describe('tokens', () => {
  test('live from creation to revocation; the secret is told once', async () => {
    const body = { name: 'ci', role: 'viewer', expiresAt: '2099-01-01T00:00:00Z' };
    const created = await query.call(north.admin, 'POST', '/v1/tokens', body);
    const { token, secret } = createdTokenSchema.parse(created.json);
    expect((await query.get(secret, '/v1/reports')).status).toBe(200);
    const listed = await query.get(north.admin, '/v1/tokens');
    expect(listOf(tokenSchema).parse(listed.json).items).toContainEqual(token);
    expect(listed.text).not.toContain('fbu_');
    expect((await query.call(south.admin, 'DELETE', `/v1/tokens/${token.id}`)).status).toBe(404);
    expect((await query.call(north.admin, 'DELETE', `/v1/tokens/${token.id}`)).status).toBe(204);
    const record = await eventually(
      async () =>
        (await query.control()).find(
          ({ kind, ...rest }) => kind === 'token' && 'tokenId' in rest && rest.tokenId === token.id,
        ) ?? null,
    );
    expect(record).toMatchObject({ status: 'revoked', version: 2, tenantId: north.id });
    query.authenticator.invalidate(record);
    expect((await query.get(secret, '/v1/reports')).json.code).toBe('FB_CREDENTIAL_UNKNOWN');
    expect(await auditOf(north, 'token.revoked')).toMatchObject([{ subject: token.id }]);
  });
});

describe('enrolment keys', () => {
  test('are listed with their bounds and revoked at once', async () => {
    const body = { name: 'lab', maxUses: 3, tags: ['lab', 'lab', 'b'], expiresAt: null };
    const created = await query.call(north.admin, 'POST', '/v1/enrollment-keys', body);
    const { enrollmentKey, secret } = createdEnrollmentKeySchema.parse(created.json);
    expect(enrollmentKey).toMatchObject({ maxUses: 3, uses: 0, tags: ['lab', 'b'], revokedAt: null });
    const path = `/v1/enrollment-keys/${enrollmentKey.id}`;
    expect((await query.call(south.admin, 'DELETE', path)).status).toBe(404);
    expect((await query.call(north.admin, 'DELETE', path)).status).toBe(204);
    await expect(query.authenticator.authenticate(secret)).rejects.toMatchObject({
      code: 'FB_CREDENTIAL_UNKNOWN',
    });
    const listed = listOf(enrollmentKeySchema).parse(
      (await query.get(north.admin, '/v1/enrollment-keys')).json,
    );
    expect(listed.items.find(({ id }) => id === enrollmentKey.id)?.revokedAt).not.toBeNull();
  });
});

test.each(['/v1/tokens', '/v1/enrollment-keys'])('%s makes nothing that has ended already', async (path) => {
  const body = { name: 'late', role: 'viewer', expiresAt: '2020-01-01T00:00:00Z' };
  const { role: _, ...key } = body;
  const reply = await query.call(north.admin, 'POST', path, path === '/v1/tokens' ? body : key);
  expect([reply.status, reply.json.code]).toEqual([400, 'FB_BODY_INVALID']);
  expect(reply.json['errors']).toEqual([{ pointer: '/expiresAt', detail: 'A time to come, or null.' }]);
});

describe('devices', () => {
  test('are listed by tag, status and last sight, and by their own tenant alone', async () => {
    const id = await query.createDevice(north.id);
    const ask = async (tenant: TestTenant, filter: string) =>
      listOf(deviceSchema)
        .parse((await query.get(tenant.viewer, `/v1/devices?${filter}`)).json)
        .items.some((device) => device.id === id);
    expect(await ask(north, 'tag=lab&tag=nothing&status=active')).toBe(true);
    expect(await ask(north, 'lastSeenBefore=2020-01-01T00:00:00Z')).toBe(true);
    expect(await ask(north, 'tag=nothing')).toBe(false);
    expect(await ask(north, 'status=offboarded')).toBe(false);
    expect(await ask(south, '')).toBe(false);
    expect((await query.get(south.viewer, `/v1/devices/${id}`)).status).toBe(404);
    expect((await query.call(south.admin, 'PATCH', `/v1/devices/${id}`, { tags: [] })).status).toBe(404);
    expect((await query.call(south.admin, 'DELETE', `/v1/devices/${id}`)).status).toBe(404);
  });

  test('get new tags, and are off-boarded with a word to everybody', async () => {
    const id = await query.createDevice(north.id);
    const patched = await query.call(north.admin, 'PATCH', `/v1/devices/${id}`, { tags: ['a', 'a\u0000'] });
    expect(deviceSchema.parse(patched.json).tags).toEqual(['a', 'a\uFFFD']);
    expect((await query.call(north.admin, 'DELETE', `/v1/devices/${id}`)).status).toBe(204);
    expect((await query.get(north.viewer, `/v1/devices/${id}`)).json['status']).toBe('offboarded');
    const record = await eventually(
      async () =>
        (await query.control()).find((found) => found.kind === 'device' && found.deviceId === id) ?? null,
    );
    expect(record).toMatchObject({ version: 2, status: 'offboarded', entries: 'purge' });
    expect(await auditOf(north, 'device.offboarded')).toMatchObject([{ subject: id }]);
  });
});
