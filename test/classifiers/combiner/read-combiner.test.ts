import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { classifierIds, readProfiles } from '../../../classifiers/profiles.ts';
import { readCombiner } from '../../../classifiers/combiner/read-combiner.ts';
import { readManifest } from '../../../classifiers/rules/manifest.ts';
import type { Witness } from '../../../engine/correlate/evidence.ts';
import { defaultDecisionConfig, type DecisionConfig } from '../../../engine/decide/config.ts';
import { decide } from '../../../engine/decide/decide.ts';
import { sumOf } from '../../../engine/decide/terms.ts';
import { witnessTerms } from '../../../engine/decide/witness-terms.ts';
import { decideInput, witness } from '../../engine/samples.ts';

interface GoldenCase {
  readonly name: string;
  readonly witnesses: readonly Pick<
    Witness,
    'classifier' | 'probability' | 'baseRate' | 'threshold' | 'capped'
  >[];
  readonly expected: { readonly sumMicronats: number };
}

const shipped = new URL('../../../classifiers/combiner/', import.meta.url);
const manifestText = await readFile(new URL('manifest.json', shipped), 'utf8');
const golden = (await readFile(new URL('golden.jsonl', shipped), 'utf8'))
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as GoldenCase);
const { classifiers: learnedFrom } = JSON.parse(manifestText) as { classifiers: Record<string, string> };
const combiner = await readCombiner();
const config: DecisionConfig = { ...defaultDecisionConfig, combiner };

describe('the combiner that comes with the service', () => {
  test('knows classifiers that there are', () => {
    const named = [...combiner.deciding, ...combiner.shares.map(({ classifier }) => classifier)];
    expect(classifierIds).toEqual(expect.arrayContaining(named));
    expect(combiner.shares.length).toBeGreaterThan(0);
  });

  test('learned from the versions that are shipped: a new one of any of them is trained with it', async () => {
    const profiles = await readProfiles();
    const shippedVersions = new Map(profiles.map(({ id, version }) => [id, version.split('+')[0]]));
    const learned = Object.entries(learnedFrom);
    expect(learned.length).toBeGreaterThan(0);
    for (const [id, version] of learned) expect([id, shippedVersions.get(id)]).toEqual([id, version]);
  });

  test('learned from fewer than all, and counts nothing more than it was counted by hand where it lowers no false alarm', () => {
    for (const { malicePermille, innocencePermille } of combiner.shares) {
      expect(malicePermille).toBeLessThanOrEqual(defaultDecisionConfig.laterWitnessPermille);
      expect(innocencePermille).toBeGreaterThanOrEqual(defaultDecisionConfig.laterWitnessPermille);
    }
  });

  test.each(golden)('$name: engine and training agree to the micro-nat', ({ witnesses, expected }) => {
    const words = witnesses.map((word) => witness(word.probability, word));
    expect(sumOf(witnessTerms(words, config))).toBe(expected.sumMicronats);
  });

  test('a rule of level high is a block beside every other classifier that is sure of innocence, one of level medium is none', async () => {
    const [profiles, { probabilities }] = [await readProfiles(), await readManifest()];
    const others = profiles.filter(({ id, supportsOnly }) => id !== 'rules' && supportsOnly !== true);
    const rules = profiles.find(({ id }) => id === 'rules');
    expect(others.length).toBeGreaterThan(1);
    const verdictOf = (probability: number) => {
      const words = [rules, ...others].flatMap((profile) =>
        profile === undefined
          ? []
          : [
              witness(profile.id === 'rules' ? probability : 0.0001, {
                ...{ classifier: profile.id, baseRate: profile.baseRate, threshold: profile.threshold },
                content: true,
              }),
            ],
      );
      return decide(decideInput({ own: words, content: words }, { config }));
    };
    expect(verdictOf(probabilities.high).verdict).toBe('malicious');
    expect(verdictOf(probabilities.critical).verdict).toBe('malicious');
    expect(verdictOf(probabilities.corroborated).verdict).toBe('no-threats-found');
    // What others say against it still keeps it in the tenant.
    expect(verdictOf(probabilities.critical).reach).toBe('tenant');
  });
});

describe('a combiner that is not what was learned', () => {
  let folder = '';
  const readWith = async (text: string) => {
    await writeFile(join(folder, 'manifest.json'), text);
    return readCombiner(pathToFileURL(`${folder}/`));
  };
  const changed = (change: (manifest: Record<string, unknown>) => object) =>
    JSON.stringify({ ...change(JSON.parse(manifestText) as Record<string, unknown>) });

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'combiner-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test('is read where it is a copy', async () => {
    expect(await readWith(manifestText)).toEqual(combiner);
  });

  test.each<[string, (manifest: Record<string, unknown>) => object]>([
    ['a share that somebody changed', (manifest) => ({ ...manifest, shares: combiner.shares.slice(1) })],
    ['another classifier that decides', (manifest) => ({ ...manifest, deciding: ['behavior'] })],
    [
      'a share above the whole',
      (manifest) => ({
        ...manifest,
        shares: combiner.shares.map((share) => ({ ...share, malicePermille: 1001 })),
      }),
    ],
    ['a classifier twice', (manifest) => ({ ...manifest, shares: [...combiner.shares, ...combiner.shares] })],
    ['another hash', (manifest) => ({ ...manifest, sha256: '0'.repeat(64) })],
    ['a field that nobody knows', (manifest) => ({ ...manifest, scale: 2 })],
  ])('is refused: %s', async (_what, change) => {
    await expect(readWith(changed(change))).rejects.toMatchObject({ code: 'FB_MODEL_ALTERED' });
  });

  test('is refused: no JSON', async () => {
    await expect(readWith(manifestText.slice(0, 100))).rejects.toMatchObject({ code: 'FB_MODEL_ALTERED' });
  });

  test('is missed where it is not there', async () => {
    const nowhere = pathToFileURL(`${folder}/nowhere/`);
    await expect(readCombiner(nowhere)).rejects.toMatchObject({ code: 'FB_MODEL_MISSING' });
  });
});
