import { beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { policySchema, type Policy, type PolicySettings } from '../../contracts/policy.ts';
import { aboutFile, capeReport, signature } from '../classifiers/detonation/cape-reports.ts';
import {
  call,
  createTenant,
  enrollDevice,
  reportOf,
  send,
  type Reply,
  type TestDevice,
  type TestTenant,
} from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import type { Subject } from './main-job.ts';

/** How an administrator changes what an organization's devices do. @param subject once it has started */
export function policyJob(subject: () => Subject): void {
  let tenant: TestTenant;
  let device: TestDevice;

  beforeAll(async () => {
    const { url, operatorToken } = subject();
    tenant = await createTenant(url, operatorToken, 'delta');
    device = await enrollDevice(url, tenant.enrollmentKey, 'delta-1');
  }, 60_000);

  const admin = (path: string, options = {}) =>
    call(subject().url, path, { token: tenant.adminToken, ...options });
  const asDevice = (path: string, options = {}) =>
    call(subject().url, path, { token: device.credential, ...options });
  const newFile = () => createHash('sha256').update(`governed ${randomUUID()}`).digest('hex');
  const meet = async (sha256: string) => {
    const artifact = { kind: 'file', hash: { sha256 } } as const;
    const file = { name: 'tool.exe', size: 9 };
    const [result] = await send(subject().url, device, [reportOf({ artifact, file })], 10);
    return result;
  };
  const actionOn = async (sha256: string) => {
    const { body } = await asDevice('/v1/lookups', { json: { keys: [`file:sha256:${sha256}`] } });
    return (body as { results: { action: string | null }[] }).results[0]?.action;
  };

  async function change(settings: Partial<PolicySettings>): Promise<{ reply: Reply; before: string }> {
    const { headers, body } = await admin('/v1/policy');
    const { revision: _revision, ...rest } = policySchema.parse(body);
    const before = headers.get('etag') ?? '';
    const options = { method: 'PUT', json: { ...rest, ...settings }, headers: { 'if-match': before } };
    return { reply: await admin('/v1/policy', options), before };
  }

  /** Instances learn of it one after the other: what several say in turn is what all say. */
  const told = async (policy: Policy) =>
    eventually(async () => {
      for (let turn = 0; turn < 6; turn += 1) {
        const { body } = await asDevice('/v1/agent/policy');
        if (policySchema.parse(body).revision !== policy.revision) return null;
      }
      return true;
    });

  describe('the policy', () => {
    test('an organization that no longer sends files is asked for none, and none is taken', async () => {
      const asked = newFile();
      expect(await meet(asked)).toMatchObject({ sample: { wanted: true } });
      const snapshot = await asDevice('/v1/snapshot');
      const cursor = snapshot.headers.get('firebreak-cursor') ?? '';
      const { reply, before } = await change({ sampleConsent: 'never' });
      expect([before, reply.status, reply.headers.get('etag')]).toEqual(['"0"', 200, '"1"']);

      const news = await asDevice(`/v1/changes?cursor=${encodeURIComponent(cursor)}&wait=20`);
      expect((news.body as { changes: unknown[] }).changes).toContainEqual({
        event: 'policy',
        data: { revision: 1 },
      });
      await told(policySchema.parse(reply.body));
      expect((await meet(newFile()))?.sample?.wanted).not.toBe(true);
      const upload = await asDevice(`/v1/samples/${asked}`, {
        method: 'PUT',
        raw: Buffer.from('some bytes'),
        headers: { 'content-type': 'application/octet-stream' },
      });
      expect(upload.body).toMatchObject({ status: 409, code: 'FB_CONSENT_FORBIDS' });
    });

    test('what is only suspected is blocked once the block level reaches it, and no longer when nothing may be blocked', async () => {
      const sha256 = newFile();
      await meet(sha256);
      const report = capeReport({ signatures: [signature('ransomware_file_modifications', 3)] });
      await eventually(async () => {
        const key = encodeURIComponent(`file:sha256:${sha256}`);
        const reply = await admin(`/v1/artifacts/${key}/detonations`, { json: aboutFile(report, sha256) });
        return reply.status === 202 ? true : null;
      });
      await eventually(async () => ((await actionOn(sha256)) === 'audit' ? true : null));
      const stricter = await change({ blockLevel: 'high-plus' });
      await told(policySchema.parse(stricter.reply.body));
      await eventually(async () => ((await actionOn(sha256)) === 'block-and-remediate' ? true : null));
      const lenient = await change({ enforce: 'audit' });
      await told(policySchema.parse(lenient.reply.body));
      await eventually(async () => ((await actionOn(sha256)) === 'audit' ? true : null));
    });

    test('who changes it without knowing what it is, is told', async () => {
      const { body } = await admin('/v1/policy');
      const { revision: _revision, ...json } = policySchema.parse(body);
      const blind = await admin('/v1/policy', { method: 'PUT', json });
      expect(blind.body).toMatchObject({ status: 428, code: 'FB_PRECONDITION_MISSING' });
      const late = await admin('/v1/policy', { method: 'PUT', json, headers: { 'if-match': '"1"' } });
      expect(late.body).toMatchObject({ status: 412, code: 'FB_PRECONDITION_FAILED' });
    });
  });
}
