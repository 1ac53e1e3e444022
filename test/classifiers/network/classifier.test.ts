import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readModelManifest } from '../../../classifiers/model-manifest.ts';
import { createNetworkClassifier, type NetworkClassifier } from '../../../classifiers/network/classifier.ts';
import { sha256Hex } from '../../../contracts/canonical.ts';
import { reportSchema } from '../../../contracts/report.ts';
import { loadModel } from '../../../platform/onnx/model.ts';
import { readGoldenCases } from '../golden-cases.ts';

const manifestUrl = new URL('../../../classifiers/network/manifest.json', import.meta.url);
let folder: string;
let nowMs = Date.parse('2026-01-15T00:00:00Z');
let classifier: NetworkClassifier;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-lists-'));
  classifier = await createNetworkClassifier(loadModel, { reputationFolders: [folder], now: () => nowMs });
});
afterAll(async () => {
  await classifier.close();
  await rm(folder, { recursive: true });
});

function inputOf(kind: 'domain' | 'ip' | 'url', value: string) {
  const report = reportSchema.parse({
    ...{ id: '5f0f1f6e-6ad4-4a7e-8d0f-1f6e6ad44a7e', '@timestamp': '2026-01-15T09:30:00.000Z' },
    ...{ detectionSource: 'network-protection', localAction: 'allowed', artifact: { kind, value } },
  });
  return { report, evidence: 'content' as const };
}

async function answer(kind: 'domain' | 'ip' | 'url', value: string) {
  const [outcome] = await classifier.score([inputOf(kind, value)]);
  if (outcome === undefined) throw new Error('every input is answered');
  return outcome;
}

async function probability(kind: 'domain' | 'ip' | 'url', value: string): Promise<number> {
  const outcome = await answer(kind, value);
  if (outcome.outcome !== 'score') throw new Error(`${value}: ${outcome.reason}`);
  return outcome.probability;
}

describe('the network classifier', () => {
  test('the manifest names the model beside it, and that it only supports', async () => {
    const { model, supportsOnly } = await readModelManifest(manifestUrl);
    const bytes = await readFile(new URL(model.file, manifestUrl));
    expect([sha256Hex(bytes), bytes.length]).toEqual([model.sha256, model.sizeBytes]);
    expect([supportsOnly, classifier.profile.supportsOnly]).toEqual([true, true]);
  });

  test('golden reports score what the training environment computed, one by one and together', async () => {
    const cases = await readGoldenCases('network');
    const inputs = cases.map(({ report }) => ({ report, evidence: 'content' as const }));
    const together = await classifier.score(inputs);
    for (const [index, input] of inputs.entries()) {
      const [alone] = await classifier.score([input]);
      expect(alone).toEqual(together[index]);
      const scored = alone?.outcome === 'score' ? alone.probability : Number.NaN;
      expect(Math.abs(scored - (cases[index]?.expected.probability ?? 0))).toBeLessThanOrEqual(1e-5);
    }
  });

  test('names by chance are found, and told as such; ordinary ones are not', async () => {
    const { threshold } = classifier.profile;
    for (const name of ['qxkvjtrwplzmfh.com', 'k3v9x0q7w2z8r5tj.info', 'hqzvwkxjrtmp.ddns.net'])
      expect(await answer('domain', name)).toMatchObject({
        outcome: 'score',
        evidence: [{ code: 'computed-name', content: true }],
      });
    for (const name of ['www.example.org', 'riverside-bakery.com', 'stadtwerke-musterdorf.de', 'ddg.gg'])
      expect(await probability('domain', name)).toBeLessThan(threshold);
  });

  test.each([
    ['domain', 'd3k9v0qzx7w2.cloudfront.net'],
    ['domain', 'ddns.net'],
    ['domain', 'printer.local'],
    ['domain', 'bäckerei-müller.de'],
    ['ip', '8.8.8.8'],
    ['ip', '10.1.2.3'],
    ['ip', 'fe80::1'],
    ['url', 'https://d3k9v0qzx7w2.cloudfront.net/logo.svg'],
    ['url', 'http://192.168.1.10/setup.exe'],
  ] as const)('of the %s %s it says nothing', async (kind, value) => {
    expect(await answer(kind, value)).toMatchObject({ outcome: 'abstained' });
  });

  test('a URL is judged by its host; its path adds a little, and alone it is capped below the threshold', async () => {
    const host = await probability('domain', 'riverside-bakery.com');
    expect(await probability('url', 'https://riverside-bakery.com/menu')).toBeCloseTo(host, 10);
    expect(await probability('url', 'https://riverside-bakery.com/menu.pdf.exe')).toBeGreaterThan(host);
    const bare = await answer('url', 'http://8.8.8.8:4444/invoice.pdf.exe');
    expect(bare).toMatchObject({ outcome: 'score', capped: true });
    expect(await probability('url', 'http://8.8.8.8:4444/invoice.pdf.exe')).toBeLessThan(
      classifier.profile.threshold,
    );
  });

  test('what a list names is told with source and day, from the next look at the folder until it expires', async () => {
    const listed = inputOf('domain', 'cdn.riverside-bakery.com');
    const before = classifier.cacheKey(listed);
    const list = ['# source: our own', '# licence: CC0-1.0', '# date: 2026-01-01', '# expires: 2026-02-01'];
    await writeFile(
      join(folder, 'own.list'),
      [...list, 'riverside-bakery.com', '8.8.8.0/24', '10.1.2.3', 'https://host.d3k9.cloudfront.net/a'].join(
        '\n',
      ),
    );
    expect(await classifier.reload()).toBe(true);
    expect(await classifier.reload()).toBe(false);
    expect(classifier.loaded.rejected).toMatchObject([{ line: 7 }]);
    expect(classifier.profile.version).toMatch(/\+[0-9a-f]{12}$/);
    expect(classifier.cacheKey(listed)).not.toBe(before);
    const title = 'Listed as riverside-bakery.com by our own on 2026-01-01';
    const [outcome] = await classifier.score([listed]);
    expect(outcome).toMatchObject({ outcome: 'score', evidence: [{ code: 'listed', title }] });
    for (const [kind, value] of [
      ['domain', 'cdn.riverside-bakery.com'],
      ['ip', '8.8.8.8'],
      ['url', 'http://8.8.8.8/'],
      ['url', 'https://host.d3k9.cloudfront.net/a'],
    ] as const)
      expect(await probability(kind, value)).toBeGreaterThanOrEqual(classifier.profile.threshold);
    expect(await answer('ip', '10.1.2.3')).toMatchObject({ outcome: 'abstained' });

    const inForce = classifier.cacheKey(listed);
    nowMs = Date.parse('2026-02-01T00:00:00Z');
    expect(classifier.cacheKey(listed)).not.toBe(inForce);
    expect(await answer('ip', '8.8.8.8')).toMatchObject({ outcome: 'abstained' });
    expect(await probability('domain', 'cdn.riverside-bakery.com')).toBeLessThan(
      classifier.profile.threshold,
    );
  });

  test('what it does not accept as an artifact, and nothing at all, is answered', async () => {
    expect(await answer('domain', 'not a name')).toMatchObject({ outcome: 'abstained' });
    expect(await classifier.score([])).toEqual([]);
  });
});
