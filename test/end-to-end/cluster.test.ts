import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { startCluster, type Cluster } from '../../scripts/cluster/cluster.ts';
import { prepareKafka } from '../../scripts/servers/kafka/broker.ts';
import { createTenant, enrollDevice, reportOf, send, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { runScript } from '../support/run-script.ts';
import { badInput } from './bad-input.ts';
import { mainJob } from './main-job.ts';
import { follow, listAll, type Follower } from '../support/observing.ts';
import { processesIn } from './processes-in.ts';
import { ReportingDevice } from './reporting-device.ts';
import { expectCurrent, expectRecordedOnce, untilReporting } from './under-load.ts';

const patienceMs = 60_000;
const home = mkdtempSync(join(tmpdir(), 'firebreak-cluster-'));
chmodSync(home, 0o711);
const dataDir = join(home, 'data');
let cluster: Cluster;
const said: string[] = [];

beforeAll(async () => {
  await prepareKafka();
  cluster = await startCluster({ dataDir, fsync: false, onNotice: (line) => said.push(line) });
}, 600_000);

afterAll(async () => {
  await cluster.stop();
  expect(processesIn(dataDir)).toEqual([]);
  rmSync(home, { recursive: true, force: true });
}, 120_000);

describe('every service as processes of its own, on Kafka, Redis and PostgreSQL', () => {
  mainJob(async () => cluster);
  badInput(async () => cluster);
});

describe('under load, with one after another killed', () => {
  const tenants: TestTenant[] = [];
  const reporters: ReportingDevice[] = [];
  const followers: Follower[] = [];

  beforeAll(async () => {
    const { url, operatorToken } = cluster;
    for (const name of ['north', 'south']) {
      const tenant = await createTenant(url, operatorToken, name, 'established');
      tenants.push(tenant);
      const device = await enrollDevice(url, tenant.enrollmentKey, `${name}-1`);
      reporters.push(new ReportingDevice(url, device));
      const watching = await enrollDevice(url, tenant.enrollmentKey, `${name}-watch`);
      followers.push(await follow(url, home, tenant, watching));
    }
  }, 120_000);

  const reporting = () => untilReporting(reporters, 50, patienceMs);

  test('reports go on being accepted through the loss of an instance of each service, and of all signals', async () => {
    await reporting();
    for (const name of ['ingest-1', 'classify-1', 'correlate-1', 'publish-1', 'record-1', 'query-1']) {
      cluster.instances.find((instance) => instance.name === name)?.kill('SIGKILL');
      await reporting();
      await cluster.restart(name);
    }
    const redis = new Redis(cluster.redis.url);
    await redis.flushall();
    redis.disconnect();
    await reporting();
    await Promise.all(reporters.map((reporter) => reporter.stop()));
  }, 600_000);

  test('every accepted report stands in the history exactly once', async () => {
    for (const [at, tenant] of tenants.entries())
      await expectRecordedOnce(cluster.url, tenant, reporters.slice(at, at + 1), patienceMs);
  }, 120_000);

  test('history that was emptied is rebuilt from the log beside the running services, as it was', async () => {
    const listed = async () =>
      Promise.all(
        tenants.map(async (tenant) => {
          const lists = await Promise.all(
            ['/v1/reports', '/v1/verdicts'].map((path) => listAll(cluster.url, tenant, path)),
          );
          return lists
            .flat()
            .map(({ recordedAt: _, ...item }) => JSON.stringify(item))
            .toSorted();
        }),
      );
    // What was decided while the signals were away is decided once more.
    let before = await listed();
    await eventually(async () => {
      await sleep(4000);
      const now = await listed();
      const isQuiet = JSON.stringify(now) === JSON.stringify(before);
      before = now;
      return isQuiet ? true : null;
    }, 2 * patienceMs);
    expect(before.every((items) => items.length > 500)).toBe(true);
    const { code, errors, output } = await runScript(
      'scripts/rebuild-history.ts',
      ['--empty-first'],
      cluster.env,
    );
    expect({ code, errors }).toMatchObject({ code: 0 });
    expect(output).toContain('History is what the log says');
    const after = await listed();
    expect(after.map((items) => items.length)).toEqual(before.map((items) => items.length));
    expect(JSON.stringify(after) === JSON.stringify(before)).toBe(true);
  }, 240_000);

  test('what every subscriber holds is what a snapshot tells, and it was never told anything that did not add up', async () => {
    for (const follower of followers) await expectCurrent(cluster.url, follower, patienceMs);
    await Promise.all(followers.map((follower) => follower.stop()));
  }, 120_000);

  test('the signals are whole again: a block reaches every organization on its content', async () => {
    const redis = new Redis(cluster.redis.url);
    const isWhole = async () => ((await redis.keys('*:whole')).length === 12 ? true : null);
    await eventually(isWhole, patienceMs);
    redis.disconnect();
    const [tenant] = tenants;
    if (tenant === undefined) throw new Error('There is no tenant.');
    const device = await enrollDevice(cluster.url, tenant.enrollmentKey, 'north-2');
    const text = `rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 777 C:\\Users\\Public\\${device.id}.dmp full`;
    const [result] = await send(
      cluster.url,
      device,
      [reportOf({ artifact: { kind: 'command-line', text } })],
      10,
    );
    expect(result).toMatchObject({ verdict: 'malicious', entry: { reach: 'ecosystem' } });
  }, 120_000);
});
