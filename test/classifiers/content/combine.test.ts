import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Classifier, ClassifierInput, ClassifierOutcome } from '../../../classifiers/classifier.ts';
import { probabilityOf, toOutcome } from '../../../classifiers/content/combine.ts';
import { examine } from '../../../classifiers/content/examine.ts';
import { anomaly, findingLevels, type Finding } from '../../../classifiers/content/finding.ts';
import { modelFindings } from '../../../classifiers/content/model-findings.ts';
import { readManifest } from '../../../classifiers/rules/manifest.ts';
import { rich64 } from '../../support/pe-samples.ts';

const manifest = await readManifest(new URL('../../../classifiers/content/manifest.json', import.meta.url));
const { probabilities, threshold } = manifest;
const rule = (level: Finding['level']): Finding => ({ code: level, title: level, level, origin: 'rule' });

describe('findings together', () => {
  test('only a rule of a high level reaches the threshold', () => {
    expect(probabilityOf([rule('high')], probabilities)).toBeGreaterThanOrEqual(threshold);
    const weak = [rule('medium'), anomaly('medium', 'a', 'a'), anomaly('medium', 'b', 'b'), rule('low')];
    expect(probabilityOf(weak, probabilities)).toBe(probabilities.corroborated);
    expect(probabilities.corroborated).toBeLessThan(threshold);
  });

  test('several of one origin are one', () => {
    expect(probabilityOf([rule('medium'), rule('medium')], probabilities)).toBe(probabilities.medium);
  });

  test('more findings never lower the probability', () => {
    const finding = fc.record({
      code: fc.string({ maxLength: 8 }),
      title: fc.constant('x'),
      level: fc.constantFrom(...findingLevels),
      origin: fc.constantFrom('rule', 'structure', 'name', 'model'),
    }) as fc.Arbitrary<Finding>;
    fc.assert(
      fc.property(fc.array(finding, { maxLength: 6 }), finding, (some, more) => {
        const [before, after] = [toOutcome(some, probabilities), toOutcome([...some, more], probabilities)];
        if (before.outcome !== 'score' || after.outcome !== 'score') throw new Error('no score');
        expect(after.probability).toBeGreaterThanOrEqual(before.probability);
        expect(after.probability).toBeGreaterThanOrEqual(after.contentProbability ?? 0);
      }),
    );
  });
});

describe('the model of static features', () => {
  const { facts } = examine(rich64, null, []);
  const seen: ClassifierInput[] = [];
  const model = (outcome: ClassifierOutcome): Pick<Classifier, 'profile' | 'score'> => ({
    profile: { ...manifest, id: 'metadata', threshold: 0.9 },
    score: (inputs) => {
      seen.push(...inputs);
      return Promise.resolve(inputs.map(() => outcome));
    },
  });
  const score = { outcome: 'score', probability: 0.95, contentProbability: null, evidence: [] } as const;

  test('supports, with the facts that were extracted', async () => {
    if (facts === undefined) throw new Error('no facts');
    const findings = await modelFindings(facts, model(score));
    expect(findings).toMatchObject([{ code: 'metadata-model', level: 'medium', origin: 'model' }]);
    expect(seen[0]?.report.file?.pe?.imphash).toBe('3308a8fb27bd94b03bf08c6d7b8df70f');
  });

  test.each<[string, ClassifierOutcome]>([
    ['of a stub', { ...score, capped: true }],
    ['below its threshold', { ...score, probability: 0.8 }],
    ['that failed', { outcome: 'failed', reason: 'x' }],
  ])('says nothing by an answer %s', async (_name, outcome) => {
    expect(facts && (await modelFindings(facts, model(outcome)))).toEqual([]);
  });
});
