import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createContentAnalyser, type RuleContentAnalyser } from '../../../classifiers/content/analyser.ts';
import { createMetadataClassifier } from '../../../classifiers/metadata/classifier.ts';
import { scoreSchema } from '../../../contracts/score.ts';
import { loadModel } from '../../../platform/onnx/model.ts';
import { plain32, rich64 } from '../../support/pe-samples.ts';
import { buildZip } from '../../support/samples/zip.ts';

const nameless = { name: null };
const eicar = () =>
  Buffer.from(['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('-'));

let folder = '';
let analyser: RuleContentAnalyser;
let closeModel = (): Promise<void> => Promise.resolve();
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'firebreak-content-'));
  await writeFile(
    join(folder, 'own.yar'),
    'rule own { strings: $a = "own needle" condition: $a }\nrule bad {',
  );
  const metadata = await createMetadataClassifier(loadModel);
  closeModel = () => metadata.close();
  analyser = await createContentAnalyser({
    workers: 2,
    timeoutMs: 20_000,
    memoryMb: 128,
    ruleFolders: [folder],
    metadata,
  });
});
afterAll(async () => {
  await analyser.close();
  await closeModel();
  await rm(folder, { recursive: true });
});

async function scored(bytes: Uint8Array, name: string | null = null) {
  const outcome = await analyser.analyse(bytes, { name });
  if (outcome.outcome !== 'score') throw new Error(`${outcome.outcome}: ${outcome.reason}`);
  expect(scoreSchema.shape.result.safeParse(outcome).error).toBeUndefined();
  return outcome;
}

describe('an analyser', () => {
  test('answers samples that come at once, each with its own', async () => {
    const outcomes = await Promise.all([
      scored(eicar()),
      scored(Buffer.from('hello')),
      scored(Buffer.from(rich64)),
    ]);
    expect(outcomes.map(({ probability }) => probability)).toEqual([0.997, 0.5, 0.5]);
    expect(outcomes[0]?.evidence).toEqual([
      expect.objectContaining({ code: 'eicar_test_file', content: true, level: 'critical' }),
    ]);
  });

  test('a rule of the operator supports and does not decide; a bad one is told', async () => {
    const outcome = await scored(Buffer.from('here is our own needle'));
    expect(outcome.probability).toBe(0.7);
    expect(outcome.probability).toBeLessThan(analyser.profile.threshold);
    expect(analyser.loaded.rejected).toEqual([
      { file: join(folder, 'own.yar'), line: 2, reason: expect.stringMatching(/^syntax error/) as unknown },
    ]);
  });

  test('what follows from the name is no content', async () => {
    const outcome = await scored(Buffer.from(plain32), 'letter.pdf');
    expect(outcome.evidence).toContainEqual(
      expect.objectContaining({ code: 'program-as-document', content: false }),
    );
    expect(outcome.probability).toBe(0.7);
    expect(outcome.contentProbability).toBeLessThan(0.7);
  });

  test('bytes that fill their buffer are handed over, shared ones are not', async () => {
    const whole = new Uint8Array(70_000).fill(0x20);
    const shared = new Uint8Array(new SharedArrayBuffer(eicar().length));
    shared.set(eicar());
    await scored(whole);
    expect(whole.length).toBe(0);
    expect((await scored(shared)).probability).toBe(0.997);
    expect(shared.length).toBe(eicar().length);
  });

  test('nothing and too much are no answer', async () => {
    expect(await analyser.analyse(new Uint8Array(), nameless)).toMatchObject({ outcome: 'abstained' });
    const large = new Uint8Array(128 * 1024 * 1024 + 1);
    expect(await analyser.analyse(large, nameless)).toMatchObject({ outcome: 'abstained' });
  });

  test('changed rules are in force after a reload, and the version tells', async () => {
    const before = analyser.profile.version;
    expect(await analyser.reload()).toBe(false);
    await writeFile(
      join(folder, 'own.yar'),
      'rule own { meta: level = "high" techniques = "T1059" strings: $a = "own needle" condition: $a }',
    );
    expect(await analyser.reload()).toBe(true);
    expect(analyser.profile.version).not.toBe(before);
    expect(analyser.loaded.rejected).toEqual([]);
    const archive = buildZip([{ name: 'a.txt', content: Buffer.from('our own needle again') }]);
    expect((await scored(archive)).evidence).toEqual([
      expect.objectContaining({ code: 'own', level: 'high', techniques: ['T1059'] }),
    ]);
  });
});

test('a folder that is not there keeps the analyser from starting', async () => {
  const options = { workers: 1, timeoutMs: 1000, memoryMb: 64, ruleFolders: [join(folder, 'missing')] };
  await expect(createContentAnalyser(options)).rejects.toMatchObject({ code: 'FB_CONFIG_INVALID' });
});
