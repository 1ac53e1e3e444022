import { expect, test } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import { detonationSchema } from '../../contracts/detonation.ts';
import { defaultLimits } from '../../contracts/limits.ts';
import { aboutFile, installer, ransomware } from '../classifiers/detonation/cape-reports.ts';
import { call, itemsSchema, reportOf, send } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import type { SampleJobSubject } from './sample-job.ts';

/** How a file that was let run is stopped in an organization by what its sandbox saw. */
export function detonationJob({ url, device, tenant, lookup }: SampleJobSubject): void {
  const newFile = () => createHash('sha256').update(`detonated ${randomUUID()}`).digest('hex');
  const keyOf = (sha256: string) => `file:sha256:${sha256}`;
  const meet = async (name: string, sha256: string) => {
    const file = { name: 'viewer.exe', size: 184_320 };
    const artifact = { kind: 'file', hash: { sha256 } } as const;
    const [result] = await send(
      url(),
      device(name),
      [reportOf({ artifact, file, localAction: 'allowed' })],
      10,
    );
    return result;
  };
  const post = (name: string, sha256: string, raw: string) =>
    call(url(), `/v1/artifacts/${encodeURIComponent(keyOf(sha256))}/detonations`, {
      token: tenant(name).adminToken,
      raw,
    });
  /** History has a device's report a moment after its verdict. */
  const handIn = (name: string, sha256: string, report: object) =>
    eventually(async () => {
      const reply = await post(name, sha256, JSON.stringify(aboutFile(report, sha256)));
      return (reply.body as { code?: string }).code === 'FB_SAMPLE_UNREPORTED' ? null : reply;
    });

  test('a file that was let run is blocked by what the organization’s sandbox saw, there and nowhere else', async () => {
    const sha256 = newFile();
    const key = keyOf(sha256);
    for (const name of ['alpha-1', 'beta-1'])
      expect(await meet(name, sha256)).toMatchObject({ verdict: 'no-threats-found' });
    const { status, body } = await handIn('alpha', sha256, ransomware);
    expect(status).toBe(202);
    const { id, probability, threshold } = detonationSchema.parse(body);
    expect(probability).toBeGreaterThan(threshold);
    await eventually(async () =>
      (await lookup('alpha-2', key))?.action === 'block-and-remediate' ? true : null,
    );

    const verdict = await eventually(async () => {
      const path = `/v1/verdicts?verdict=malicious&artifact=${encodeURIComponent(key)}`;
      const reply = await call(url(), path, { token: tenant('alpha').adminToken });
      return itemsSchema.parse(reply.body).items[0] ?? null;
    });
    expect(verdict).toMatchObject({ reach: 'tenant', threatName: 'Trojan:Win32/Impact.A!ml' });
    const revision = await call(
      url(),
      `/v1/verdicts/${String(verdict['id'])}/revisions/${String(verdict['revision'])}`,
      {
        token: tenant('alpha').adminToken,
      },
    );
    expect(revision.body).toMatchObject({ trigger: { kind: 'finding', detail: id } });
    expect(revision.text).toContain('score:detonation');
    expect(revision.text).toContain('cape:deletes_shadow_copies');
    expect(revision.text).toContain('What ransomware_file_modifications describes');

    // Decided again where another organization meets it, with all that is known by now.
    expect(await meet('beta-2', sha256)).toMatchObject({ verdict: 'no-threats-found' });
    for (const name of ['beta-1', 'gamma-1'])
      expect(await lookup(name, key)).toMatchObject({
        verdict: name === 'beta-1' ? 'no-threats-found' : null,
      });
    const history = await call(url(), `/v1/verdicts?artifact=${encodeURIComponent(key)}`, {
      token: tenant('beta').adminToken,
    });
    expect(history.text).not.toContain('detonation');
  });

  test('what honest installers do in a sandbox as well changes nothing', async () => {
    const sha256 = newFile();
    await meet('alpha-1', sha256);
    expect((await handIn('alpha', sha256, installer)).status).toBe(202);
    // What is found of one file is decided in order: all that followed from the first stands when the second is told.
    await handIn('alpha', sha256, ransomware);
    const decided = await eventually(async () => {
      const path = `/v1/verdicts?artifact=${encodeURIComponent(keyOf(sha256))}`;
      const { items } = itemsSchema.parse(
        (await call(url(), path, { token: tenant('alpha').adminToken })).body,
      );
      return items.some(({ verdict }) => verdict === 'malicious') ? items : null;
    });
    expect(decided.map(({ verdict }) => verdict)).toEqual(['malicious', 'no-threats-found']);
  });

  test('a report about another file, a broken one and a too large one are refused with their codes', async () => {
    const sha256 = newFile();
    await meet('alpha-1', sha256);
    const wrong = await handIn('alpha', sha256, {});
    expect(wrong.body).toMatchObject({ status: 400, code: 'FB_BODY_INVALID' });
    const whole = JSON.stringify(aboutFile(ransomware, newFile()));
    expect((await post('alpha', sha256, whole)).body).toMatchObject({
      status: 400,
      code: 'FB_HASH_CONFLICT',
    });
    expect((await post('alpha', sha256, whole.slice(0, -1))).body).toMatchObject({
      status: 400,
      code: 'FB_BODY_NOT_JSON',
    });
    const large = await post('alpha', sha256, ' '.repeat(defaultLimits.detonationBytes) + whole);
    expect(large.body).toMatchObject({ status: 413, code: 'FB_BODY_TOO_LARGE' });
    expect((await lookup('alpha-1', keyOf(sha256)))?.verdict).not.toBe('malicious');
  });
}
