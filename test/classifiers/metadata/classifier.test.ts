import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import {
  createMetadataClassifier,
  type MetadataClassifier,
} from '../../../classifiers/metadata/classifier.ts';
import { readModelManifest } from '../../../classifiers/model-manifest.ts';
import { sha256Hex } from '../../../contracts/canonical.ts';
import type { Report } from '../../../contracts/report.ts';
import { loadModel } from '../../../platform/onnx/model.ts';
import { readGoldenCases } from '../golden-cases.ts';

const folder = new URL('../../../classifiers/metadata/', import.meta.url);
let classifier: MetadataClassifier;
beforeAll(async () => {
  classifier = await createMetadataClassifier(loadModel);
});
afterAll(() => classifier.close());

function withHeader(report: Report, header: Record<string, number>): Report {
  return { ...report, firebreak: { ...report.firebreak, pe: { ...report.firebreak?.pe, header } } };
}

describe('the metadata classifier', () => {
  test('the manifest names the model beside it', async () => {
    const { model } = await readModelManifest(new URL('manifest.json', folder));
    const bytes = await readFile(new URL(model.file, folder));
    expect([sha256Hex(bytes), bytes.length]).toEqual([model.sha256, model.sizeBytes]);
  });

  test('golden reports score what the training environment computed, one by one and together', async () => {
    const cases = await readGoldenCases('metadata');
    const inputs = cases.map(({ report }) => ({ report, evidence: 'testimony' as const }));
    const together = await classifier.score(inputs);
    for (const [index, input] of inputs.entries()) {
      const [alone] = await classifier.score([input]);
      expect(alone).toEqual(together[index]);
      expect(alone).toMatchObject({ outcome: 'score', contentProbability: null });
      const probability = alone?.outcome === 'score' ? alone.probability : Number.NaN;
      expect(Math.abs(probability - (cases[index]?.expected.probability ?? 0))).toBeLessThanOrEqual(1e-5);
    }
  });

  test('what is packed is capped, with a finding that says so', async () => {
    const cases = await readGoldenCases('metadata');
    const inputs = cases.map(({ report }) => ({ report, evidence: 'testimony' as const }));
    const outcomes = await classifier.score(inputs);
    const capped = cases.filter(
      (_, index) => outcomes[index]?.outcome === 'score' && 'capped' in outcomes[index],
    );
    expect(capped.map(({ name }) => name)).toEqual(['packed in place']);
    expect(outcomes[cases.findIndex(({ name }) => name === 'packed in place')]).toMatchObject({
      evidence: [{ code: 'packed', content: false }],
    });
  });

  test('padding never makes a file look better: imports, directories, appended bytes', async () => {
    const cases = await readGoldenCases('metadata');
    const probabilityOf = async (report: Report) => {
      const [outcome] = await classifier.score([{ report, evidence: 'testimony' }]);
      return outcome?.outcome === 'score' ? outcome.probability : Number.NaN;
    };
    const padded = ['export', 'import', 'resource', 'exception', 'security'].map(
      (name) => `directory_${name}_size`,
    );
    for (const { report } of cases) {
      const header = report.firebreak?.pe?.header ?? {};
      const before = await probabilityOf(report);
      for (const name of [...padded, 'import_functions', 'import_libraries']) {
        const more = { ...header, [name]: 4 * (header[name] ?? 0) + 100 };
        const after = await probabilityOf(withHeader(report, more));
        expect(after).toBeGreaterThanOrEqual(before - 1e-6);
      }
      const longer = { ...report, file: { ...report.file, size: 16 * (report.file?.size ?? 0) + 1e6 } };
      expect(await probabilityOf(longer)).toBeGreaterThanOrEqual(before - 1e-6);
    }
  });

  test('a file that is no executable is none of its business', async () => {
    const [first] = await readGoldenCases('metadata');
    if (first === undefined) throw new Error('there are golden cases');
    const { firebreak: _, ...report } = first.report;
    expect(await classifier.score([{ report, evidence: 'testimony' }])).toMatchObject([
      { outcome: 'abstained' },
    ]);
    expect(await classifier.score([])).toEqual([]);
  });

  test('two files with the same facts share one inference, two with other facts do not', async () => {
    const [first, second] = (await readGoldenCases('metadata')).map(({ report }) => ({
      report,
      evidence: 'testimony' as const,
    }));
    if (first === undefined || second === undefined) throw new Error('there are golden cases');
    const renamed = {
      ...first,
      report: { ...first.report, id: second.report.id, artifact: second.report.artifact },
    };
    expect(classifier.cacheKey(renamed)).toBe(classifier.cacheKey(first));
    expect(classifier.cacheKey(second)).not.toBe(classifier.cacheKey(first));
  });
});
