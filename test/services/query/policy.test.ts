import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { defaultPolicy, policySchema, type PolicySettings } from '../../../contracts/policy.ts';
import type { ControlRecord } from '../../../contracts/records.ts';
import { eventually } from '../../support/eventually.ts';
import { startQuery, type QueryFixture, type TestTenant } from './fixture.ts';

let query: QueryFixture;

beforeAll(async () => {
  query = await startQuery();
}, 60_000);
afterAll(() => query.stop());

const { revision: _revision, ...defaults } = defaultPolicy;

const read = async (tenant: TestTenant, headers = {}) => query.get(tenant.viewer, '/v1/policy', headers);
const put = (tenant: TestTenant, settings: object, ifMatch?: string, token = tenant.admin) =>
  query.call(token, 'PUT', '/v1/policy', settings, ifMatch === undefined ? {} : { 'if-match': ifMatch });

/** What the log was told of the tenant's policy, once it was told so often. */
async function toldOf(tenant: TestTenant, count: number) {
  return eventually(async () => {
    const told = (await query.control()).filter(
      (record): record is Extract<ControlRecord, { kind: 'policy' }> =>
        record.kind === 'policy' && record.tenantId === tenant.id,
    );
    return told.length >= count ? told : null;
  });
}

describe('the policy of an organization', () => {
  test('is the default until it is set, then what was set, revision by revision, and the log is told', async () => {
    const north = await query.createTenant();
    const before = await read(north);
    expect([before.status, before.headers.get('etag')]).toEqual([200, '"0"']);
    expect(policySchema.parse(before.json)).toEqual(defaultPolicy);

    const first: PolicySettings = { ...defaults, sampleConsent: 'never', exclusions: ['C:\\Build\\*'] };
    const answered = await put(north, first, '"0"');
    expect([answered.status, answered.headers.get('etag')]).toEqual([200, '"1"']);
    expect(policySchema.parse(answered.json)).toEqual({ ...first, revision: 1 });
    const second: PolicySettings = { ...first, blockLevel: 'high', exclusions: [] };
    expect((await put(north, second, '"7", "1"')).headers.get('etag')).toBe('"2"');
    expect(policySchema.parse((await read(north)).json)).toEqual({ ...second, revision: 2 });
    expect(await toldOf(north, 2)).toEqual([
      { kind: 'policy', version: 1, tenantId: north.id, policy: { ...first, revision: 1 } },
      { kind: 'policy', version: 2, tenantId: north.id, policy: { ...second, revision: 2 } },
    ]);
    const { items } = (await query.get(north.admin, '/v1/audit-log?action=policy.changed')).json;
    expect(items.map(({ details }) => details)).toEqual([
      {
        revision: 2,
        changes: {
          blockLevel: { from: 'default', to: 'high' },
          exclusions: { from: ['C:\\Build\\*'], to: [] },
        },
      },
      {
        revision: 1,
        changes: {
          sampleConsent: { from: 'safe', to: 'never' },
          exclusions: { from: [], to: ['C:\\Build\\*'] },
        },
      },
    ]);
  });

  test('is its own alone', async () => {
    const [north, south] = [await query.createTenant('North'), await query.createTenant('South')];
    await put(north, { ...defaults, enforce: 'audit' }, '"0"');
    expect(policySchema.parse((await read(south)).json)).toEqual(defaultPolicy);
    expect((await put(south, { ...defaults, enforce: 'audit' }, '"1"')).status).toBe(412);
    expect((await query.get(south.admin, '/v1/audit-log?action=policy.changed')).json.items).toEqual([]);
  });

  test('is not sent again to who has it, and not made anew by what it is already', async () => {
    const north = await query.createTenant();
    expect((await read(north, { 'if-none-match': '"0"' })).status).toBe(304);
    expect((await read(north, { 'if-none-match': 'W/"0"' })).status).toBe(304);
    expect((await put(north, defaults, '*')).headers.get('etag')).toBe('"0"');
    await put(north, { ...defaults, edrBlockMode: true }, '*');
    expect((await read(north, { 'if-none-match': '"0"' })).status).toBe(200);
    expect(await toldOf(north, 1)).toMatchObject([{ version: 1, policy: { edrBlockMode: true } }]);
  });

  test.each([
    [428, 'FB_PRECONDITION_MISSING', {}, undefined],
    [412, 'FB_PRECONDITION_FAILED', {}, '"1"'],
    [412, 'FB_PRECONDITION_FAILED', {}, 'W/"0"'],
    [412, 'FB_PRECONDITION_FAILED', {}, ''],
    [400, 'FB_BODY_INVALID', { blockLevel: 'highest' }, '"0"'],
    [400, 'FB_BODY_INVALID', { holdMs: 60_001 }, '"0"'],
    [400, 'FB_BODY_INVALID', { revision: 0 }, '"0"'],
    [400, 'FB_BODY_INVALID', { sampleConsent: undefined }, '"0"'],
  ])('is refused with %i %s for %j under %j, and stays', async (status, code, change, ifMatch) => {
    const north = await query.createTenant();
    const reply = await put(north, { ...defaults, ...change }, ifMatch);
    expect([reply.status, reply.json.code]).toEqual([status, code]);
    expect((await read(north)).headers.get('etag')).toBe('"0"');
  });

  test('is set by administrators', async () => {
    const north = await query.createTenant();
    for (const token of [north.viewer, north.analyst])
      expect((await put(north, defaults, '"0"', token)).json.code).toBe('FB_ROLE_INSUFFICIENT');
  });

  test('of two who read the same one, the first replaces it and the second is told', async () => {
    const north = await query.createTenant();
    const levels = ['moderate', 'high', 'high-plus', 'zero-tolerance'];
    const replies = await Promise.all(
      levels.map((blockLevel) => put(north, { ...defaults, blockLevel }, '"0"')),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412]);
    const winner = replies.find(({ status }) => status === 200);
    expect(policySchema.parse((await read(north)).json)).toEqual(policySchema.parse(winner?.json));
  });

  test('that was set before there was a setting has the default of it', async () => {
    const north = await query.createTenant();
    await query.owner.query(
      'insert into config.policies (tenant_id, revision, settings) values ($1, 3, $2)',
      [north.id, JSON.stringify({ blockLevel: 'high' })],
    );
    expect(policySchema.parse((await read(north)).json)).toEqual({
      ...defaultPolicy,
      blockLevel: 'high',
      revision: 3,
    });
  });
});
