import { beforeAll, describe, expect, test } from '@jest/globals';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { problemSchema, type ErrorCode } from '../../contracts/errors.ts';
import {
  createdEnrollmentKeySchema,
  createdTokenSchema,
  reportBatchResultSchema,
} from '../../contracts/http.ts';
import {
  call,
  createTenant,
  enrollDevice,
  itemsSchema,
  reportOf,
  send,
  type CallOptions,
  type Reply,
  type TestDevice,
  type TestTenant,
} from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { bodies, calls, command, envelope, foreign, good, reports } from './bad-input-cases.ts';
import type { Subject } from './main-job.ts';

/** What must be refused, how it is told, and that it leaves nothing behind. @param start may be called by several suites */
export function badInput(start: () => Promise<Subject>): void {
  let service: Subject;
  let alpha: TestTenant;
  let beta: TestTenant;
  let device: TestDevice;
  /** Bearer tokens by who holds them. */
  const tokens = new Map<string, string>();
  /** Ids of things of the other organization. */
  const theirs = new Map<string, string>();

  const createdSchema = z.object({ id: z.string() });

  beforeAll(async () => {
    service = await start();
    const { url, operatorToken } = service;
    alpha = await createTenant(url, operatorToken, 'alpha', 'established');
    beta = await createTenant(url, operatorToken, 'beta', 'established');
    device = await enrollDevice(url, alpha.enrollmentKey, 'alpha-1');
    tokens.set('operator', operatorToken);
    tokens.set('admin', alpha.adminToken);
    tokens.set('enrolment key', alpha.enrollmentKey);
    tokens.set('device', device.credential);
    for (const role of ['viewer', 'analyst'] as const) tokens.set(role, (await createToken(role)).secret);
    await withdrawCredentials();
    await fillOtherTenant();
    await send(url, device, [reportOf(command('ipconfig /all'))], 10);
    await eventually(async () => ((await countHistory()) === 1 ? true : null));
  }, 600_000);

  const ask = (who: string | null, path: string, options: CallOptions = {}): Promise<Reply> =>
    call(service.url, path, { ...(who !== null && { token: tokens.get(who) ?? who }), ...options });

  async function createToken(role: string, expiresAt: string | null = null) {
    const { body } = await ask('admin', '/v1/tokens', { json: { name: role, role, expiresAt } });
    const { token, secret } = createdTokenSchema.parse(body);
    return { id: token.id, secret };
  }

  /** Credentials that were good once. */
  async function withdrawCredentials(): Promise<void> {
    const revoked = await createToken('admin');
    tokens.set('revoked person', revoked.secret);
    await ask('admin', `/v1/tokens/${revoked.id}`, { method: 'DELETE' });
    tokens.set(
      'expired person',
      (await createToken('admin', new Date(Date.now() + 500).toISOString())).secret,
    );
    const { body } = await ask('admin', '/v1/enrollment-keys', { json: { name: 'once', maxUses: 1 } });
    const once = createdEnrollmentKeySchema.parse(body);
    tokens.set('used up key', once.secret);
    const gone = await enrollDevice(service.url, once.secret, 'alpha-gone');
    tokens.set('off-boarded device', gone.credential);
    await ask('admin', `/v1/devices/${gone.id}`, { method: 'DELETE' });
    const suspended = await createTenant(service.url, service.operatorToken, 'gamma');
    tokens.set('suspended admin', suspended.adminToken);
    await ask('operator', `/v1/tenants/${suspended.id}`, { method: 'PATCH', json: { trust: 'suspended' } });
  }

  async function fillOtherTenant(): Promise<void> {
    const other = await enrollDevice(service.url, beta.enrollmentKey, 'beta-1');
    const text = 'C:\\Tools\\secret-of-beta.exe --run';
    const [result] = await send(service.url, other, [reportOf(command(text))], 10);
    const key = result?.artifact ?? '';
    theirs
      .set('artifact', key)
      .set('device', other.id)
      .set('report', result?.id ?? '');
    const [verdict] = await eventually(async () => {
      const { items } = itemsSchema.parse((await ask(beta.adminToken, '/v1/verdicts')).body);
      return items.length > 0 ? items : null;
    });
    theirs.set('verdict', String(verdict?.['id']));
    const override = await ask(beta.adminToken, `/v1/artifacts/${encodeURIComponent(key)}/overrides`, {
      json: { action: 'allow', comment: 'ours' },
    });
    theirs.set('override', createdSchema.parse(override.body).id);
    const token = await ask(beta.adminToken, '/v1/tokens', { json: { name: 'theirs', role: 'viewer' } });
    theirs.set('token', createdTokenSchema.parse(token.body).token.id);
  }

  async function countHistory(): Promise<number> {
    return itemsSchema.parse((await ask('admin', '/v1/reports?limit=10000')).body).items.length;
  }

  function expectProblem(reply: Reply, status: number, code: ErrorCode): void {
    expect({ status: reply.status, text: reply.text }).toMatchObject({
      status,
      text: expect.stringContaining(code),
    });
    expect(reply.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    const problem = problemSchema.parse(reply.body);
    expect(problem).toMatchObject({ status, code, requestId: expect.any(String) });
    expect(reply.text).not.toMatch(/node_modules|\.ts:\d|select |firebreak_/);
  }

  describe('a body', () => {
    test.each(bodies)(
      'with %s is refused whole and changes nothing',
      async (_name, options, status, code) => {
        expectProblem(await ask('device', '/v1/reports', options()), status, code);
        expect(await countHistory()).toBe(1);
      },
    );
  });

  describe('a call', () => {
    beforeAll(async () => {
      await eventually(
        async () => ((await ask('expired person', '/v1/reports')).status === 401 ? true : null),
        60_000,
      );
    }, 70_000);

    test.each(
      calls.map(
        ([name, who, path, status, code, options = {}]) => [name, who, path, status, code, options] as const,
      ),
    )('with %s is refused', async (_name, who, path, status, code, options) => {
      expectProblem(await ask(who, path, options), status, code);
    });

    test('is told what the address takes when the method is wrong', async () => {
      const reply = await ask('admin', '/v1/reports', { method: 'DELETE' });
      expect(reply.headers.get('allow')).toBe('GET, POST');
    });

    test('with the cursor of another list is refused', async () => {
      const { next } = itemsSchema.parse((await ask('admin', '/v1/devices?limit=1')).body);
      expect(next).not.toBeNull();
      expectProblem(await ask('admin', `/v1/reports?after=${String(next)}`), 400, 'FB_CURSOR_INVALID');
      expectProblem(
        await ask('admin', `/v1/devices?status=active&after=${String(next)}`),
        400,
        'FB_CURSOR_INVALID',
      );
    });

    test.each(foreign.map(([name, method, path, json = null]) => [name, method, path, json] as const))(
      'for %s finds nothing',
      async (_name, method, path, json) => {
        const options = { method, ...(json !== null && { json }) };
        const address = path((name) => theirs.get(name) ?? 'none');
        expectProblem(await ask('admin', address, options), 404, 'FB_NOT_FOUND');
      },
    );

    test('for a device of another organization as a target is refused', async () => {
      const reply = await ask(
        'admin',
        `/v1/artifacts/${encodeURIComponent(theirs.get('artifact') ?? '')}/overrides`,
        {
          json: { action: 'block', targets: { deviceIds: [theirs.get('device')] }, comment: 'not mine' },
        },
      );
      expectProblem(reply, 400, 'FB_BODY_INVALID');
    });

    test('that was refused has left the other organization as it was', async () => {
      const they = await ask(beta.adminToken, `/v1/devices/${String(theirs.get('device'))}`);
      expect(they.body).toMatchObject({ status: 'active', tags: [] });
      const overrides = itemsSchema.parse((await ask(beta.adminToken, '/v1/overrides?inForce=true')).body);
      expect(overrides.items).toHaveLength(1);
    });
  });

  describe('a report', () => {
    test.each(reports)('that %s is rejected, and the others stand', async (_name, report, code) => {
      const [before, after] = [good(), good()];
      const count = await countHistory();
      const reply = await ask('device', '/v1/reports', { json: envelope([before, report(), after]) });
      expect(reply.status).toBe(202);
      const { results } = reportBatchResultSchema.parse(reply.body);
      expect(results.map(({ status }) => status === 'rejected')).toEqual([false, true, false]);
      const problem = problemSchema.parse(results[1]?.error);
      expect(problem.code).toBe(code);
      expect(problem.errors?.every(({ pointer }) => pointer.startsWith('/reports/1')) ?? true).toBe(true);
      expect([results[0]?.id, results[2]?.id]).toEqual([before.id, after.id]);
      await eventually(async () => ((await countHistory()) >= count + 2 ? true : null));
      expect(await countHistory()).toBe(count + 2);
    });

    test('with a field that ECS does not have loses the field, and is rejected where one asks for strictness', async () => {
      const report = { ...good(), process: { pid: 4, mood: 'good' } };
      const lenient = await ask('device', '/v1/reports', { json: envelope([report]) });
      expect(reportBatchResultSchema.parse(lenient.body).results[0]).toMatchObject({ dropped: 1 });
      const headers = { prefer: 'handling=strict' };
      const strict = await ask('device', '/v1/reports', {
        json: envelope([{ ...report, id: uuidv7() }]),
        headers,
      });
      expect(reportBatchResultSchema.parse(strict.body).results[0]).toMatchObject({
        status: 'rejected',
        error: { code: 'FB_UNKNOWN_FIELDS' },
      });
    });

    test('has no outcome for another device', async () => {
      expectProblem(await ask('device', `/v1/reports/${String(theirs.get('report'))}`), 404, 'FB_NOT_FOUND');
    });
  });
}
