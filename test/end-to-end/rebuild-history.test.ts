import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { defaultLimits } from '../../contracts/limits.ts';
import { createClient } from '../../platform/postgres/pool.ts';
import { createLogger } from '../../platform/telemetry/logger.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { EmbeddedPlatform } from '../../services/host/embedded-platform.ts';
import { createHostEvents } from '../../services/host/events.ts';
import { analystView } from '../support/analyst-view.ts';
import { call, createTenant, enrollDevice, reportOf, send, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { runScript } from '../support/run-script.ts';
import { makeDataDir, removeDataDir, startService, type ServiceProcess } from '../support/service-process.ts';

const dataDir = makeDataDir();
const tenants: TestTenant[] = [];
let service: ServiceProcess;

beforeAll(async () => {
  service = await startService({ dataDir });
  await makeHistory(service);
}, 120_000);
afterAll(async () => {
  await service.stop();
  removeDataDir(dataDir);
});

/** Wide blocks, blocks in one organization, revisions by findings, repeats, an override, and what nobody finds anything in. */
async function makeHistory({ url, operatorToken }: ServiceProcess): Promise<void> {
  const hostile =
    'rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 640 C:\\Users\\Public\\a.dmp full';
  const sha256 = createHash('sha256').update('dropper').digest('hex');
  for (const name of ['alpha', 'beta', 'gamma']) {
    const tenant = await createTenant(url, operatorToken, name, name === 'gamma' ? 'new' : 'established');
    tenants.push(tenant);
    const device = await enrollDevice(url, tenant.enrollmentKey, `${name}-1`);
    const file = reportOf({
      artifact: { kind: 'file', hash: { sha256 } },
      file: { name: 'Invoice \u0000\u{1F4A3}.exe', size: 184_320 },
    });
    await send(url, device, [file, file], 10);
    const [command] = await send(
      url,
      device,
      [
        reportOf({ artifact: { kind: 'command-line', text: hostile } }),
        reportOf({ artifact: { kind: 'command-line', text: 'ipconfig /all' } }),
        reportOf({
          artifact: { kind: 'command-line', text: `vssadmin.exe delete shadows /all /quiet ${name}` },
          process: {
            ...{ executable: 'C:\\Users\\ann\\Downloads\\invoice.exe', entity_id: 'boot:1:1', pid: 4242 },
            hash: { sha256 },
          },
          localAction: 'allowed',
        }),
      ],
      10,
    );
    if (name === 'beta')
      await call(url, `/v1/artifacts/${encodeURIComponent(command?.artifact ?? '')}/overrides`, {
        token: tenant.adminToken,
        json: { action: 'allow', comment: 'our own' },
      });
  }
  await untilRecorded(url);
}

/** Nothing is waiting to be written, several times in a row: a finding makes a decision after its report was recorded. */
async function untilRecorded(url: string): Promise<void> {
  let quiet = 0;
  let before = '';
  await eventually(async () => {
    const seen = JSON.stringify(await Promise.all(tenants.map((tenant) => analystView(url, tenant))));
    quiet = seen === before ? quiet + 1 : 0;
    before = seen;
    return quiet >= 5 ? true : null;
  }, 30_000);
}

/** As JSON whose keys are in the order of the alphabet: a record that was read from bytes has them in another one. */
function inKeyOrder(row: unknown): string {
  return JSON.stringify(row, (_key, value: unknown) =>
    typeof value !== 'object' || value === null || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1))),
  );
}

/** History row by row; the service must not run. */
async function tables(): Promise<Readonly<Record<string, readonly { row: string; recordedAt: Date }[]>>> {
  const events = createHostEvents(createMetrics(), createLogger({ name: 'test', level: 'silent' }));
  const platform = new EmbeddedPlatform(dataDir, defaultLimits, events);
  await platform.start();
  const client = createClient(platform.owner, 'test');
  try {
    await client.connect();
    const found: Record<string, { row: string; recordedAt: Date }[]> = {};
    for (const table of ['reports', 'decisions', 'sightings', 'entries']) {
      const { rows } = await client.query<{ recorded_at: Date }>(`select * from history.${table}`);
      found[table] = rows
        .map(({ recorded_at: recordedAt, ...row }) => ({ row: inKeyOrder(row), recordedAt }))
        .sort((a, b) => (a.row < b.row ? -1 : 1));
    }
    return found;
  } finally {
    await client.end();
    await platform.stop();
  }
}

const rebuild = (...args: string[]) =>
  runScript('scripts/rebuild-history.ts', args, {
    FIREBREAK_DATA_DIR: dataDir,
    FIREBREAK_LOG_LEVEL: 'warn',
  });
const rowsOf = (history: Awaited<ReturnType<typeof tables>>) =>
  Object.fromEntries(Object.entries(history).map(([table, rows]) => [table, rows.map(({ row }) => row)]));

describe('npm run rebuild-history', () => {
  test('says what is in the way while the service runs, and touches nothing', async () => {
    const { code, errors } = await rebuild('--empty-first');
    expect({ code, errors }).toMatchObject({
      code: 1,
      errors: expect.stringMatching(/is in use by process \d+: stop that process first/),
    });
  });

  test('makes the same history of the log: row by row, and as analysts read it', async () => {
    const views = [];
    for (const tenant of tenants) views.push(await analystView(service.url, tenant));
    expect(await service.stop()).toBe(0);
    const before = await tables();
    for (const [table, least] of Object.entries({ reports: 12, decisions: 10, sightings: 9, entries: 4 }))
      expect({ table, enough: (before[table]?.length ?? 0) >= least }).toEqual({ table, enough: true });

    const { code, output, errors } = await rebuild('--empty-first');
    expect({ code, errors }).toEqual({ code: 0, errors: expect.stringContaining('(100 %)') });
    expect(output).toMatch(/^History is what the log says: \d+ records read\.\n$/);
    const after = await tables();
    expect(rowsOf(after)).toEqual(rowsOf(before));
    // Rows count as recorded when the log took their records, a moment before they were recorded first: they are new ones.
    for (const [table, rows] of Object.entries(after)) {
      const earlierMs = rows.map(
        ({ recordedAt }, at) => (before[table]?.[at]?.recordedAt.getTime() ?? NaN) - recordedAt.getTime(),
      );
      expect(earlierMs.every((ms) => ms >= 0 && ms < 60_000)).toBe(true);
      expect(earlierMs.some((ms) => ms > 0)).toBe(true);
    }

    const again = await rebuild();
    expect(again.code).toBe(0);
    expect(await tables()).toEqual(after);
    // Also when all is gone once more: what was rebuilt is the same whenever it is.
    expect((await rebuild('--empty-first')).code).toBe(0);
    expect(await tables()).toEqual(after);

    service = await startService({ dataDir });
    for (const [at, tenant] of tenants.entries())
      expect(await analystView(service.url, tenant)).toEqual(views[at]);
    const credentials = readFileSync(join(dataDir, 'credentials.json'), 'utf8');
    expect(credentials).toContain(service.operatorToken);
  }, 180_000);

  test('what cannot stand in its options is told, with how it is used', async () => {
    const { code, errors } = await rebuild('--from-scratch');
    expect(code).toBe(1);
    expect(errors).toContain("unknown option '--from-scratch'");
  });
});
