import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ContentAnalyser } from '../../../classifiers/content/analyser.ts';
import { createTestStringAnalyser } from '../../support/test-string-analyser.ts';
import { readProfile } from '../../../classifiers/profiles.ts';
import { sha256Hex } from '../../../contracts/canonical.ts';
import { reportIdSchema, toTimestamp } from '../../../contracts/ids.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import type { StoredSample } from '../../../contracts/records.ts';
import { topics, type Topic } from '../../../contracts/topics.ts';
import { openEmbeddedLog, type EmbeddedLog } from '../../../platform/log/embedded/embedded-log.ts';
import { parseBatch, TopicLog } from '../../../platform/log/topic-log.ts';
import { parseSampleKeys } from '../../../platform/samples/sample-keys.ts';
import { SampleVault } from '../../../platform/samples/sample-vault.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createAnalyseEvents } from '../../../services/analyse/events.ts';
import { SampleKeeper } from '../../../services/analyse/sample-keeper.ts';
import { SampleWorker } from '../../../services/analyse/sample-worker.ts';
import { eventually } from '../../support/eventually.ts';
import { newDevice, newTenant } from '../../support/history.ts';
import { startTestDatabase, type TestDatabase } from '../../support/postgres.ts';

const testFile = Buffer.from(
  ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', '-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join(''),
);
const limits = { ...defaultLimits, sampleAnalysisMs: 100 };
const keys = parseSampleKeys(`first:${'a'.repeat(64)}`);

/** More than there are places for samples. */
const partitions = 3;
let database: TestDatabase;
let embedded: EmbeddedLog;
let log: TopicLog;
let vault: SampleVault;
let worker: SampleWorker | undefined;
const profile = await readProfile('content');

beforeAll(async () => {
  database = await startTestDatabase();
  embedded = await openEmbeddedLog({ connection: database.owner });
  log = new TopicLog(embedded, partitions);
  await log.createTopics();
  vault = new SampleVault({ pool: database.pool('firebreak_samples'), keys, limits });
}, 60_000);
afterEach(async () => {
  await worker?.stop();
  worker = undefined;
});
afterAll(async () => {
  await embedded.close();
  await database.stop();
});

async function store(bytes: Buffer, by = vault): Promise<StoredSample> {
  const origin = {
    tenantId: newTenant(),
    deviceId: newDevice(),
    reportId: reportIdSchema.parse(randomUUID()),
    reportedAt: toTimestamp(Date.now()),
    fileName: 'payload.com',
  };
  async function* content() {
    yield bytes;
  }
  return (await by.take(origin, sha256Hex(bytes), content(), bytes.length)).sample;
}

async function start(analyser: ContentAnalyser = createTestStringAnalyser(profile), by: SampleVault = vault) {
  const metrics = createMetrics();
  const events = createAnalyseEvents(createLogger({ name: 'test', level: 'silent' }), metrics);
  worker = new SampleWorker({ log, vault: by, analyser, limits, events, now: Date.now });
  await worker.start();
  return { metrics, events };
}

async function valuesOf<Value>(topic: Topic<Value>): Promise<readonly Value[]> {
  const values: Value[] = [];
  for (let partition = 0; partition < partitions; partition += 1)
    for await (const batch of embedded.read({ topic: topic.name, partition, offset: 0 }))
      for (const { value } of parseBatch(topic, batch).records) if (value !== null) values.push(value);
  return values;
}

const findingsOn = async ({ artifactKey, tenantId }: StoredSample) =>
  (await valuesOf(topics.evidence)).filter(
    (finding) => finding.targetKey === artifactKey && finding.tenantId === tenantId,
  );
const stateOf = async ({ sampleId }: StoredSample) => {
  const text = 'select state, attempts, findings from samples.samples where id = $1';
  const { rows } = await database
    .pool('owner')
    .query<{ state: string; attempts: number; findings: { reason: string | null } }>(text, [sampleId]);
  return rows[0];
};
const settled = (sample: StoredSample) =>
  eventually(async () => {
    const row = await stateOf(sample);
    return row === undefined || row.state === 'stored' ? null : row;
  });
const caughtUp = () =>
  eventually(async () => {
    const lags = await embedded.lag('analyse', [topics.samples.name]);
    return lags.every(({ lag }) => lag === 0) ? true : null;
  });

describe('a sample in the store', () => {
  test('whose content is known becomes content evidence once, however often it is told of', async () => {
    await start();
    const sample = await store(testFile);
    await log.append(topics.samples, [sample, sample]);
    expect(await settled(sample)).toMatchObject({ state: 'analysed' });
    await log.append(topics.samples, [sample]);
    await caughtUp();
    expect(await findingsOn(sample)).toMatchObject([
      {
        relation: 'sample',
        targetKey: sample.artifactKey,
        reportId: sample.reportId,
        score: { classifier: 'content', result: { outcome: 'score', contentProbability: 0.999 } },
      },
    ]);
    expect(await stateOf(sample)).toMatchObject({ attempts: 1 });
  });

  test('that was analysed by one who died before it said so makes the same finding again', async () => {
    const sample = await store(testFile);
    await start();
    await log.append(topics.samples, [sample]);
    await settled(sample);
    await database
      .pool('owner')
      .query("update samples.samples set state = 'stored' where id = $1", [sample.sampleId]);
    await log.append(topics.samples, [sample]);
    await settled(sample);
    const ids = (await findingsOn(sample)).map(({ id }) => id);
    expect(ids).toHaveLength(2);
    expect(new Set(ids).size).toBe(1);
  });

  test('that the analyser has nothing to say of, or that is gone, makes none', async () => {
    await start();
    const [harmless, gone] = [await store(randomBytes(100)), await store(randomBytes(100))];
    await database.pool('owner').query('delete from samples.samples where id = $1', [gone.sampleId]);
    await log.append(topics.samples, [gone, harmless]);
    expect(await settled(harmless)).toMatchObject({ state: 'analysed' });
    await caughtUp();
    expect([...(await findingsOn(harmless)), ...(await findingsOn(gone))]).toEqual([]);
  });
});

describe('a sample that the analyser cannot cope with', () => {
  const hostile = Buffer.from('hostile');
  const after = (what: () => Promise<never>): ContentAnalyser => ({
    profile,
    analyse: (bytes, hints) =>
      Buffer.from(bytes).equals(hostile) ? what() : createTestStringAnalyser(profile).analyse(bytes, hints),
    close: () => Promise.resolve(),
  });

  test.each([
    ['throws', () => Promise.reject(new Error('It fell over.')), 'It fell over.'],
    ['never answers', () => new Promise<never>(() => undefined), 'The analyser gave no answer'],
  ])(
    'because it %s is missing evidence, and the next one is analysed',
    async (_how, what, why) => {
      const { metrics } = await start(after(what));
      const [bad, good] = [await store(hostile), await store(testFile)];
      await log.append(topics.samples, [bad, good]);
      expect((await settled(bad)).findings.reason).toContain(why);
      expect(await settled(good)).toMatchObject({ state: 'analysed' });
      expect(await findingsOn(bad)).toEqual([]);
      expect((await metrics.page()).text).toMatch(/analyse_samples_total\{outcome="failed"\} 1/);
      await caughtUp();
    },
    20_000,
  );

  test('because it brings the process down is given up after three times', async () => {
    const bad = await store(testFile);
    for (let attempt = 0; attempt < 3; attempt += 1) await vault.beginAnalysis(bad.tenantId, bad.sampleId);
    await start();
    await log.append(topics.samples, [bad]);
    const row = await settled(bad);
    expect(row.state).toBe('failed');
    expect(row.findings.reason).toContain('begun 3 times');
    expect(await findingsOn(bad)).toEqual([]);
  });
});

describe('what cannot be read', () => {
  test('lies in the dead letters: a record of nothing, and a sample whose key is gone; then the key comes back', async () => {
    const former = new SampleVault({
      pool: database.pool('firebreak_samples'),
      keys: parseSampleKeys(`gone:${'b'.repeat(64)}`),
      limits,
    });
    const [lost, good] = [await store(randomBytes(10), former), await store(testFile)];
    const record = { key: 'k', partition: 0, value: Buffer.from('{"sampleId":"x"}') };
    await embedded.append(topics.samples.name, [record]);
    await start();
    await log.append(topics.samples, [lost, good]);
    expect(await settled(good)).toMatchObject({ state: 'analysed' });
    const letters = await eventually(async () => {
      const found = await valuesOf(topics.deadLetters);
      return found.length === 2 ? found : null;
    });
    expect(letters.map(({ code, group }) => [code, group]).sort()).toEqual([
      ['FB_RECORD_UNREADABLE', 'analyse'],
      ['FB_SAMPLE_UNREADABLE', 'analyse'],
    ]);
    expect(await stateOf(lost)).toMatchObject({ state: 'stored' });
    await worker?.stop();
    await start(createTestStringAnalyser(profile), former);
    await log.append(topics.samples, [lost]);
    expect(await settled(lost)).toMatchObject({ state: 'analysed' });
  });
});

test('partitions share the places for samples: one at a time, and none is forgotten', async () => {
  let [running, most] = [0, 0];
  const profiled = createTestStringAnalyser(profile);
  await start({
    ...profiled,
    analyse: async (bytes, hints) => {
      running += 1;
      most = Math.max(most, running);
      await sleep(20);
      running -= 1;
      return profiled.analyse(bytes, hints);
    },
  });
  const samples: StoredSample[] = [];
  for (let n = 0; n < 9; n += 1) samples.push(await store(randomBytes(20)));
  await log.append(topics.samples, samples);
  for (const sample of samples)
    expect(await settled(sample)).toMatchObject({ state: 'analysed', attempts: 1 });
  await caughtUp();
  expect(most).toBe(1);
});

test('the keeper tells the log of a sample that nobody lived to tell of, once', async () => {
  const { events } = await start();
  const sample = await store(testFile);
  await database
    .pool('owner')
    .query("update samples.samples set stored_at = stored_at - interval '2 minutes' where id = $1", [
      sample.sampleId,
    ]);
  const keeper = new SampleKeeper({ log, vault, events });
  const told = async () =>
    (await valuesOf(topics.samples)).filter(({ sampleId }) => sampleId === sample.sampleId).length;
  await keeper.keep();
  expect(await told()).toBe(1);
  expect(await settled(sample)).toMatchObject({ state: 'analysed' });
  await keeper.keep();
  expect(await told()).toBe(1);
});
