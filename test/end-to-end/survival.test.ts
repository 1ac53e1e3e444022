import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readinessSchema } from '../../contracts/http.ts';
import { defaultLimits } from '../../contracts/limits.ts';
import { topics, type Topic } from '../../contracts/topics.ts';
import { parseBatch } from '../../platform/log/topic-log.ts';
import { createLogger } from '../../platform/telemetry/logger.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { EmbeddedPlatform } from '../../services/host/embedded-platform.ts';
import { createHostEvents } from '../../services/host/events.ts';
import { call, createTenant, enrollDevice, type TestTenant } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { makeDataDir, removeDataDir, startService, type ServiceProcess } from '../support/service-process.ts';
import { follow, listAll, snapshotOf, type Follower } from '../support/observing.ts';
import { processesIn } from './processes-in.ts';
import { ReportingDevice } from './reporting-device.ts';
import { expectCurrent, expectRecordedOnce, untilReporting } from './under-load.ts';

/** How often each of the two is killed. */
const rounds = 1;
const patienceMs = 30_000;

const dataDir = makeDataDir();
let service: ServiceProcess;
const tenants: TestTenant[] = [];
const reporters: ReportingDevice[] = [];
const followers: Follower[] = [];

beforeAll(async () => {
  service = await startService({ dataDir });
  const { url, operatorToken } = service;
  for (const name of ['alpha', 'beta']) {
    const tenant = await createTenant(url, operatorToken, name, 'established');
    tenants.push(tenant);
    for (const n of [1, 2])
      reporters.push(new ReportingDevice(url, await enrollDevice(url, tenant.enrollmentKey, `${name}-${n}`)));
    const watching = await enrollDevice(url, tenant.enrollmentKey, `${name}-watch`);
    followers.push(await follow(url, join(dataDir, '..'), tenant, watching));
  }
}, 60_000);

afterAll(async () => {
  await service.kill();
  await eventually(() => (processesIn(dataDir).length === 0 ? true : null), patienceMs);
  removeDataDir(dataDir);
}, 60_000);

/** On the same address, where devices and followers go on looking for it. */
async function startAgain(): Promise<void> {
  const { port } = new URL(service.url);
  service = await startService({ dataDir, env: { FIREBREAK_HTTP_PORT: port } });
}

const reporting = () => untilReporting(reporters, 100, patienceMs);

function killPostgres(): void {
  process.kill(postmasterPid(), 'SIGKILL');
}

function postmasterPid(): number {
  return Number.parseInt(readFileSync(join(dataDir, 'pg', 'postmaster.pid'), 'utf8'), 10);
}

const missing = async () => {
  const { status, body } = await call(service.url, '/health/ready');
  return { status, ...readinessSchema.parse(body) };
};

test(
  'the service and PostgreSQL are killed under load and come back by themselves',
  async () => {
    await reporting();
    for (let round = 0; round < rounds; round += 1) {
      await service.kill();
      await startAgain();
      await reporting();
      const pid = postmasterPid();
      killPostgres();
      await eventually(
        async () => ((await missing().catch(() => null))?.status === 503 ? true : null),
        2000,
      ).catch(() => undefined);
      await reporting();
      expect(postmasterPid()).not.toBe(pid);
    }
    await Promise.all(reporters.map((reporter) => reporter.stop()));
    expect(reporters.every(({ failures }) => failures > 0)).toBe(true);
    await eventually(async () => ((await missing()).status === 200 ? true : null), patienceMs);
    expect(await missing()).toMatchObject({ ready: true, missing: [] });
  },
  60_000 + rounds * 60_000,
);

test('every accepted report stands in the history exactly once', async () => {
  for (const [at, tenant] of tenants.entries())
    await expectRecordedOnce(service.url, tenant, reporters.slice(2 * at, 2 * at + 2), patienceMs);
}, 60_000);

test('what every subscriber holds is what a snapshot tells, and it was never told anything that did not add up', async () => {
  for (const follower of followers) await expectCurrent(service.url, follower, patienceMs);
}, 60_000);

test('every entry in force has its decision in the history, and no revision stands there twice', async () => {
  for (const [at, tenant] of tenants.entries()) {
    const follower = followers[at];
    if (follower === undefined) throw new Error('There is no such follower.');
    const { entries } = await snapshotOf(service.url, follower.device);
    const name = ({ id, revision }: Record<string, unknown>) => `${String(id)} ${String(revision)}`;
    const wide = entries.filter((entry) => entry.source === 'decision' && entry.reach === 'ecosystem');
    // Answers to who waits are no revisions: they are not in the stream, and all have the number 0.
    const decided = (await listAll(service.url, tenant, '/v1/verdicts')).filter(
      ({ revision }) => revision !== 0,
    );
    const names = decided.map(name);
    expect(names.length).toBe(new Set(names).size);
    const own = new Set(decided.map(({ id }) => id));
    const inHistory = wide.filter(({ id }) => own.has(id));
    expect(inHistory.length).toBeGreaterThan(0);
    expect(inHistory.map((entry) => name({ ...entry })).filter((entry) => !names.includes(entry))).toEqual(
      [],
    );
  }
}, 60_000);

test('it stops clean, leaves no process behind, and the next start has nothing to say', async () => {
  await Promise.all(followers.map((follower) => follower.stop()));
  const before = await snapshotOf(service.url, (followers[0] ?? fail()).device);
  const code = await service.stop();
  // What it said tells more than its exit code.
  expect(code === 0 ? 0 : service.errors()).toBe(0);
  expect(processesIn(dataDir)).toEqual([]);
  await startAgain();
  expect(await missing()).toMatchObject({ status: 200, missing: [] });
  expect(service.errors()).toBe('');
  expect(await snapshotOf(service.url, (followers[0] ?? fail()).device)).toMatchObject({
    count: before.count,
    digest: before.digest,
  });
}, 60_000);

// In one process a reader is handed what was appended; whoever starts later has only the bytes.
test('every record of every topic can be read from its bytes', async () => {
  await service.stop();
  const platform = new EmbeddedPlatform(
    dataDir,
    defaultLimits,
    createHostEvents(createMetrics(), createLogger({ name: 'test', level: 'silent' })),
  );
  await platform.start();
  try {
    const { log } = platform.topicLog;
    const counts = new Map<string, number>();
    const unreadable: string[] = [];
    for (const topic of Object.values(topics) as readonly Topic<unknown>[]) {
      for (const { partition, start } of await log.bounds(topic.name))
        for await (const batch of log.read({ topic: topic.name, partition, offset: start })) {
          const { records, poison } = parseBatch(topic, batch);
          counts.set(topic.name, (counts.get(topic.name) ?? 0) + records.length);
          unreadable.push(...poison.map(({ detail }) => `${topic.name}: ${detail}`));
        }
    }
    expect(unreadable).toEqual([]);
    for (const { name } of [topics.reports, topics.scores, topics.decisions, topics.verdicts])
      expect(counts.get(name)).toBeGreaterThan(0);
  } finally {
    await platform.stop();
  }
}, 60_000);

function fail(): never {
  throw new Error('There is no follower.');
}
