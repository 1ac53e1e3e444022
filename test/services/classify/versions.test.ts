import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createMetadataClassifier } from '../../../classifiers/metadata/classifier.ts';
import { openOrAbsent } from '../../../classifiers/model-version.ts';
import { loadClassifiers, type Registry } from '../../../classifiers/registry.ts';
import type { ClassifierStatus, ShadowScore } from '../../../contracts/classifier-versions.ts';
import { scoresOf, type Score } from '../../../contracts/score.ts';
import type { AcceptedReport } from '../../../contracts/records.ts';
import { topics, type Topic } from '../../../contracts/topics.ts';
import type { Part } from '../../../platform/lifecycle/part.ts';
import { startParts, type Running } from '../../../platform/lifecycle/start-parts.ts';
import { parseBatch, TopicLog } from '../../../platform/log/topic-log.ts';
import { loadModel } from '../../../platform/onnx/model.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createClassifyEvents } from '../../../services/classify/events.ts';
import { createClassify } from '../../../services/classify/service.ts';
import { createVersionEvents } from '../../../services/classify/version-events.ts';
import { readGoldenCases } from '../../classifiers/golden-cases.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestLog, type TestLog } from '../../support/log.ts';
import { acceptedReport } from '../../support/reports.ts';

const shippedFolder = fileURLToPath(new URL('../../../classifiers/metadata/', import.meta.url));

/** A golden report that the shipped version does not block and one with a lower threshold does. */
const probability = 0.9;

let home = '';
let testLog: TestLog;
let log: TopicLog;
let executable: () => AcceptedReport;

async function put(
  folder: string,
  changes: object,
  change: (path: string) => Promise<void> = () => Promise.resolve(),
): Promise<string> {
  // Folders appear whole: what begins with a dot is passed over.
  const path = join(home, `.new-${folder}`);
  for (const file of ['manifest.json', 'model.onnx', 'golden.jsonl'])
    await cp(join(shippedFolder, file), join(path, file));
  const manifest = JSON.parse(await readFile(join(path, 'manifest.json'), 'utf8')) as object;
  await writeFile(join(path, 'manifest.json'), JSON.stringify({ ...manifest, ...changes }));
  await change(path);
  await rename(path, join(home, folder));
  return join(home, folder);
}

async function readAll<Value>(topic: Topic<Value>): Promise<readonly Value[]> {
  const values: Value[] = [];
  for await (const batch of log.log.read({ topic: topic.name, partition: 0, offset: 0 }))
    for (const { value } of parseBatch(topic, batch).records) if (value !== null) values.push(value);
  return values;
}

const about =
  <Value extends object>(topic: Topic<Value>, fits: (value: Value) => boolean) =>
  async (): Promise<Value | null> =>
    (await readAll(topic)).findLast(fits) ?? null;

/** Reports an executable and waits for the answer of the classifier. */
async function scoreOf(classifier: string): Promise<Score> {
  const report = executable();
  await log.append(topics.reports, [report]);
  return eventually(async () => {
    const said = (score: Score): boolean =>
      score.reportId === report.report.id && score.classifier === classifier;
    return (await readAll(topics.scores)).flatMap(scoresOf).findLast(said) ?? null;
  });
}

const statusWith = (fits: (status: ClassifierStatus) => boolean): Promise<ClassifierStatus> =>
  eventually(async () => {
    const last = (await readAll(topics.classifierStatus)).at(-1);
    return last !== undefined && fits(last) ? last : null;
  });

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'firebreak-versions-'));
  testLog = await startTestLog();
  log = new TopicLog(testLog.log, 1);
  await log.createTopics();
  const cases = await readGoldenCases('metadata');
  const golden = cases.find(({ expected }) => Math.abs(expected.probability - probability) < 0.09);
  if (golden === undefined) throw new Error('no golden report fits');
  const { artifact, file, firebreak } = golden.report;
  executable = () => acceptedReport({ artifact, ...(file && { file }), ...(firebreak && { firebreak }) });
});
afterAll(async () => {
  await testLog.stop();
  await rm(home, { recursive: true });
});

/** The service as it runs, but for how often it looks. */
async function start(
  registry: Pick<Registry, 'versions' | 'rules' | 'network' | 'openChallenger'>,
): Promise<Running & { readonly page: () => Promise<string> }> {
  const metrics = createMetrics();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const { parts } = createClassify({
    ...{ log, registry, challengerFolders: [home], instance: 'test', lookMs: 50, canaryMs: 50 },
    events: { ...createClassifyEvents(logger, metrics), ...createVersionEvents(logger, metrics) },
  });
  const running = await startParts(parts satisfies readonly Part[]);
  return { ...running, page: async () => (await metrics.page()).text };
}

const load = (): Promise<Registry> =>
  loadClassifiers({ openModel: loadModel, ruleFolders: [], simulatedRuleFolders: [] });

describe('versions of a classifier', () => {
  let running: Awaited<ReturnType<typeof start>>;
  beforeAll(async () => (running = await start(await load())));
  afterAll(() => running.stop());

  const choose = (version: number, champion: { version: string; digest: string } | null, dropped = [{}]) =>
    log.append(topics.control, [
      topics.control.schema.parse({
        ...{ kind: 'classifier', version, classifier: 'metadata' },
        lineUp: { champion, dropped: dropped.filter((each) => 'digest' in each) },
      }),
    ]);

  test('one that is put down beside the shipped one scores the same reports, and counts for nothing', async () => {
    await put('eager', { version: '1.1.0-eager', threshold: 0.5 });
    await statusWith(({ versions }) => versions.some(({ state }) => state === 'challenger'));
    const score = await scoreOf('metadata');
    const shadow: ShadowScore = await eventually(
      about(topics.shadow, ({ artifactKey }) => artifactKey === score.artifactKey),
    );
    expect(shadow.champion).toMatchObject({ version: score.version, blocks: false });
    expect(shadow.challenger).toMatchObject({ version: '1.1.0-eager', blocks: true });
    expect(shadow.challenger.probability).toBe(shadow.champion.probability);
    const counted = (await readAll(topics.scores)).flatMap(scoresOf);
    expect(counted.filter(({ version }) => version === '1.1.0-eager')).toEqual([]);
  });

  test('the one that is promoted decides and is named by its scores; promoting the other is the way back', async () => {
    const { versions } = await statusWith(({ versions: all }) =>
      all.some(({ version }) => version === '1.1.0-eager'),
    );
    const eager = versions.find(({ version }) => version === '1.1.0-eager');
    const id = { version: eager?.version ?? '', digest: eager?.digest ?? '' };
    await choose(1, id);
    await statusWith((status) =>
      status.versions.some(({ version, state }) => version === id.version && state === 'champion'),
    );
    expect(await scoreOf('metadata')).toMatchObject({ version: id.version, threshold: 0.5 });
    await choose(2, null, [id]);
    await statusWith((status) =>
      status.versions.some(({ version, state }) => version === id.version && state === 'resting'),
    );
    const shadows = (await readAll(topics.shadow)).length;
    expect(await scoreOf('metadata')).toMatchObject({ version: versions[0]?.version });
    expect(await readAll(topics.shadow)).toHaveLength(shadows);
  });

  test('one that was promoted and is not here is told; the shipped one stands in', async () => {
    await choose(3, { version: '9', digest: '9'.repeat(64) });
    await eventually(async () =>
      (await running.page()).includes('firebreak_classify_champion_missing{classifier="metadata"} 1')
        ? true
        : null,
    );
    expect((await scoreOf('metadata')).result.outcome).toBe('score');
    await choose(4, null);
  });

  test('one that cannot stand in is refused with the reason, and nothing else changes', async () => {
    await put('same', {});
    await put('other-kind', { version: '2', accepts: ['script'] });
    await put('altered', { version: '3' }, (path) => writeFile(join(path, 'model.onnx'), 'no model'));
    await put('other-limit', { version: '5', supportsOnly: true });
    const { refused } = await statusWith((status) => status.refused.length === 4);
    const reasons: Record<string, string> = Object.fromEntries(
      refused.map(({ folder, reason }) => [folder.split('/').at(-1) ?? '', reason]),
    );
    expect(reasons['same']).toContain('raise "version"');
    expect(reasons['other-kind']).toContain('"accepts" differs');
    expect(reasons['altered']).toContain('SHA-256');
    expect(reasons['other-limit']).toContain('"supportsOnly" differs');
    expect((await scoreOf('metadata')).result.outcome).toBe('score');
  });

  test('one that answers a golden report wrongly is silent until it is mended', async () => {
    const path = await put('wrong', { version: '4' });
    const golden = await readFile(join(path, 'golden.jsonl'), 'utf8');
    await writeFile(join(path, 'golden.jsonl'), golden.replace(/"probability": 0\.\d/, '"probability": 0.1'));
    const isSilent = ({ version, silence }: ClassifierStatus['versions'][number]): boolean =>
      version === '4' && silence !== undefined;
    const { versions } = await statusWith((status) => status.versions.some(isSilent));
    expect(versions.find(isSilent)?.silence).toContain('golden report');
    await writeFile(join(path, 'golden.jsonl'), golden);
    await statusWith((status) => status.versions.some((each) => each.version === '4' && !isSilent(each)));
  });
});

test('a model that was altered is missing evidence, at once and told; the other classifiers go on', async () => {
  const registry = await load();
  const path = await put('.altered-shipped', {});
  const bytes = await readFile(join(path, 'model.onnx'));
  bytes[100] = (bytes[100] ?? 0) ^ 1;
  await writeFile(join(path, 'model.onnx'), bytes);
  const absent = await openOrAbsent(createMetadataClassifier, loadModel, pathToFileURL(`${path}/`));
  const [shipped, ...others] = registry.versions;
  await shipped?.classifier.close();
  const running = await start({ ...registry, versions: [absent, ...others] });
  expect(running.missing()).toEqual([]);
  const [metadata, rules] = await Promise.all([scoreOf('metadata'), scoreOf('rules')]);
  expect(metadata.result).toMatchObject({
    outcome: 'failed',
    reason: expect.stringContaining('FB_MODEL_ALTERED'),
  });
  expect(rules.result.outcome).not.toBe('failed');
  expect(await running.page()).toContain('firebreak_classify_silent{classifier="metadata"} 1');
  await running.stop();
});
