import { expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { call, itemsSchema, reportOf, send, type TestDevice, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';

export interface SampleJobSubject {
  readonly url: () => string;
  readonly device: (name: string) => TestDevice;
  readonly tenant: (name: string) => TestTenant;
  readonly lookup: (
    name: string,
    key: string,
  ) => Promise<{ verdict: string | null; action: string | null } | undefined>;
}

/** A file that every scanner takes for harmful by agreement; in two parts, so that none takes this source for it. */
const testFile = Buffer.from(
  ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join(''),
);

/** How a file whose metadata says nothing is stopped everywhere by its content. */
export function sampleJob({ url, device, tenant, lookup }: SampleJobSubject): void {
  const sha256 = createHash('sha256').update(testFile).digest('hex');
  const key = `file:sha256:${sha256}`;
  const meet = async (name: string) => {
    const file = { name: 'payload.com', size: testFile.length };
    const report = reportOf({ artifact: { kind: 'file', hash: { sha256 } }, file, localAction: 'held' });
    const [result] = await send(url(), device(name), [report], 10);
    return result;
  };
  const put = (name: string, bytes: Buffer, headers: Record<string, string> = {}) =>
    call(url(), `/v1/samples/${sha256}`, {
      token: device(name).credential,
      method: 'PUT',
      raw: bytes,
      headers: { 'content-type': 'application/octet-stream', ...headers },
    });
  const samplesOf = async (name: string) =>
    itemsSchema.parse((await call(url(), '/v1/samples', { token: tenant(name).adminToken })).body).items;

  test('a file that metadata says nothing of is asked for, and its content blocks it at every organization', async () => {
    expect(await meet('beta-1')).toMatchObject({ verdict: 'no-threats-found', sample: { wanted: true } });
    expect((await put('beta-1', Buffer.from('something else'))).body).toMatchObject({
      status: 400,
      code: 'FB_HASH_MISMATCH',
    });
    expect(await meet('gamma-1')).toMatchObject({ verdict: 'no-threats-found', sample: { wanted: true } });
    const taken = await put('beta-1', gzipSync(testFile), { 'content-encoding': 'gzip' });
    expect([taken.status, taken.body]).toMatchObject([201, { artifact: key, size: testFile.length }]);
    for (const name of ['beta-2', 'alpha-1', 'gamma-2'])
      await eventually(async () => ((await lookup(name, key))?.verdict === 'malicious' ? true : null));
    const again = await put('beta-2', testFile);
    expect(again.status).toBe(200);
    expect(again.body).toEqual(taken.body);
    expect(await meet('alpha-1')).toMatchObject({
      verdict: 'malicious',
      entry: { reach: 'ecosystem', action: 'block-and-remediate', reason: { code: 'content-evidence' } },
    });
  });

  test('its analysts see what was found, nobody else sees the sample, and one of them deletes it', async () => {
    const sample = await eventually(async () =>
      (await samplesOf('beta')).find(({ state }) => state === 'analysed'),
    );
    expect(sample).toMatchObject({ artifact: key, fileName: 'payload.com', deviceId: device('beta-1').id });
    expect(JSON.stringify(sample)).toContain('"classifier":"content"');
    expect(await samplesOf('gamma')).toEqual([]);
    const one = (name: string, method: string) =>
      call(url(), `/v1/samples/${sha256}`, { token: tenant(name).adminToken, method });
    expect((await one('gamma', 'GET')).status).toBe(404);
    expect((await one('gamma', 'DELETE')).status).toBe(404);
    expect((await one('beta', 'GET')).status).toBe(200);
    expect((await one('beta', 'DELETE')).status).toBe(204);
    expect((await one('beta', 'GET')).status).toBe(404);
    expect((await lookup('gamma-1', key))?.verdict).toBe('malicious');
  });
}
