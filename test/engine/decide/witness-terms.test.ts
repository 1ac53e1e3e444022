import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Combiner } from '../../../contracts/combiner.ts';
import type { Witness } from '../../../engine/correlate/evidence.ts';
import { defaultDecisionConfig, type DecisionConfig } from '../../../engine/decide/config.ts';
import { decide } from '../../../engine/decide/decide.ts';
import { sumOf } from '../../../engine/decide/terms.ts';
import { witnessMicronats, witnessTerms } from '../../../engine/decide/witness-terms.ts';
import { decideInput, witness } from '../samples.ts';

const alone = defaultDecisionConfig.blockMicronats - defaultDecisionConfig.priorMicronats;
const classifiers = ['a', 'b', 'c', 'd', 'e'] as const;
const permille = fc.integer({ min: 0, max: 1000 });
const probability = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.constantFrom(0, 0.5, 0.9, 0.95, 0.96, 1),
);

const combinerArbitrary: fc.Arbitrary<Combiner> = fc.record({
  version: fc.constant('1'),
  sha256: fc.constant('0'.repeat(64)),
  deciding: fc.subarray([...classifiers]),
  shares: fc.uniqueArray(
    fc.record({
      classifier: fc.constantFrom(...classifiers),
      malicePermille: permille,
      innocencePermille: permille,
    }),
    { selector: ({ classifier }) => classifier },
  ),
});

const configArbitrary: fc.Arbitrary<DecisionConfig> = fc
  .tuple(fc.option(combinerArbitrary, { nil: undefined }), permille)
  .map(([combiner, laterWitnessPermille]) => ({
    ...defaultDecisionConfig,
    laterWitnessPermille,
    ...(combiner !== undefined && { combiner }),
  }));

const witnessesArbitrary: fc.Arbitrary<readonly Witness[]> = fc
  .uniqueArray(
    fc.record({
      classifier: fc.constantFrom(...classifiers),
      probability,
      threshold: fc.constantFrom(0.9, 0.95, 0.98),
      capped: fc.boolean(),
    }),
    { selector: ({ classifier }) => classifier, minLength: 1 },
  )
  .map((words) => words.map((word) => witness(word.probability, word)));

const sumBy = (config: DecisionConfig, witnesses: readonly Witness[]) =>
  sumOf(witnessTerms(witnesses, config));
const withCombiner = (combiner: Pick<Combiner, 'deciding' | 'shares'>): DecisionConfig => ({
  ...defaultDecisionConfig,
  combiner: { version: '1', sha256: '0'.repeat(64), ...combiner },
});

describe('the words of classifiers, whatever the combiner says', () => {
  test('a higher probability of any of them never lowers the sum', () => {
    fc.assert(
      fc.property(
        configArbitrary,
        witnessesArbitrary,
        fc.nat(),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (config, words, pick, raise) => {
          const raised = words.map((word, at) =>
            at === pick % words.length
              ? { ...word, probability: word.probability + (1 - word.probability) * raise }
              : word,
          );
          expect(sumBy(config, raised)).toBeGreaterThanOrEqual(sumBy(config, words));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('one that rises just above another does not lower the sum by taking the lead', () => {
    const beside = [witness(0.91, { classifier: 'b' }), witness(0.9, { classifier: 'c' })];
    fc.assert(
      fc.property(combinerArbitrary, (combiner) => {
        const config = withCombiner(combiner);
        const sums = [0.8999, 0.9001, 0.9099, 0.9101].map((each) =>
          sumBy(config, [witness(each, { classifier: 'a' }), ...beside]),
        );
        expect(sums).toEqual(sums.toSorted((one, other) => one - other));
      }),
      { numRuns: 500 },
    );
  });

  test('one more that speaks for malice never lowers the sum, and one as sure of innocence as can be never raises it', () => {
    fc.assert(
      fc.property(configArbitrary, witnessesArbitrary, fc.boolean(), (config, words, capped) => {
        const [first] = words;
        if (first === undefined) return;
        const others = words.slice(1);
        const before = others.length === 0 ? 0 : sumBy(config, others);
        const hostile = { ...first, capped, probability: Math.max(first.probability, first.baseRate) };
        expect(sumBy(config, [hostile, ...others])).toBeGreaterThanOrEqual(before);
        expect(sumBy(config, [{ ...first, probability: 0 }, ...others])).toBeLessThanOrEqual(before);
      }),
      { numRuns: 1000 },
    );
  });

  test('their order does not matter', () => {
    fc.assert(
      fc.property(configArbitrary, witnessesArbitrary, (config, words) => {
        expect(witnessTerms(words.toReversed(), config)).toEqual(witnessTerms(words, config));
      }),
    );
  });

  test('each has one term, none counts more than it weighs, and one counts whole', () => {
    fc.assert(
      fc.property(configArbitrary, witnessesArbitrary, (config, words) => {
        const terms = witnessTerms(words, config);
        expect(terms).toHaveLength(words.length);
        const weights = new Map(
          words.map((word) => [`score:${word.classifier}`, witnessMicronats(word, config)]),
        );
        for (const { name, micronats } of terms) {
          const weight = weights.get(name) ?? Number.NaN;
          expect(Object.is(micronats, -0)).toBe(false);
          expect(Math.abs(micronats)).toBeLessThanOrEqual(Math.abs(weight));
          if (micronats !== 0) expect(Math.sign(micronats)).toBe(Math.sign(weight));
        }
        expect(terms[0]?.micronats).toBe(weights.get(terms[0]?.name ?? ''));
      }),
    );
  });

  test('the sum lies between the strongest word alone, less what speaks against it, and the plain sum of what speaks for malice', () => {
    fc.assert(
      fc.property(configArbitrary, witnessesArbitrary, (config, words) => {
        const weights = words.map((word) => witnessMicronats(word, config));
        const against = weights.filter((weight) => weight < 0).reduce((sum, weight) => sum + weight, 0);
        const sum = sumBy(config, words);
        expect(sum).toBeGreaterThanOrEqual(
          Math.max(...weights.map((weight) => Math.max(weight, 0))) + against,
        );
        expect(sum).toBeLessThanOrEqual(weights.reduce((total, weight) => total + Math.max(weight, 0), 0));
      }),
    );
  });

  test('a word that decides stays a block, whatever others say', () => {
    fc.assert(
      fc.property(configArbitrary, witnessesArbitrary, (config, words) => {
        const deciding = config.combiner?.deciding ?? [];
        const decided = words.some(
          (word) => deciding.includes(word.classifier) && witnessMicronats(word, config) >= alone,
        );
        if (decided) expect(decide(decideInput({ own: words }, { config })).verdict).toBe('malicious');
      }),
      { numRuns: 1000 },
    );
  });
});

describe('what the combiner says', () => {
  const sure = witness(0.96, { classifier: 'a', threshold: 0.95 });
  const harmless = witness(0.001, { classifier: 'b', threshold: 0.95 });
  const likely = witness(0.8, { classifier: 'c', threshold: 0.95 });
  const share = { classifier: 'b', malicePermille: 300, innocencePermille: 1000 };

  test('decides how much of another witness counts, for malice and for innocence apart', () => {
    const config = withCombiner({ deciding: [], shares: [share] });
    expect(sumBy(config, [sure, harmless])).toBe(
      witnessMicronats(sure, config) + config.benignWitnessMicronats,
    );
    const suspicious = { ...harmless, probability: 0.8 };
    expect(sumBy(config, [sure, suspicious])).toBe(
      witnessMicronats(sure, config) + Math.trunc(witnessMicronats(suspicious, config) * 0.3),
    );
  });

  test('where it says nothing of a witness, that one counts as it did before there was one', () => {
    const config = withCombiner({ deciding: [], shares: [] });
    expect(sumBy(config, [sure, harmless, likely])).toBe(
      witnessMicronats(sure, config) +
        Math.trunc(witnessMicronats(likely, config) / 2) +
        config.benignWitnessMicronats / 2,
    );
    expect(witnessTerms([sure, harmless, likely], config)).toEqual(
      witnessTerms([sure, harmless, likely], defaultDecisionConfig),
    );
  });

  test('lets a deciding witness be brought down to a block, and no further: what lies above carries it to others', () => {
    const surest = { ...sure, probability: 0.999 };
    const decides = withCombiner({ deciding: ['a'], shares: [share] });
    expect(sumBy(decides, [sure, harmless])).toBe(alone);
    expect(sumBy(decides, [surest, harmless])).toBe(
      witnessMicronats(surest, decides) + decides.benignWitnessMicronats,
    );
    expect(sumBy(withCombiner({ deciding: [], shares: [share] }), [sure, harmless])).toBeLessThan(alone);
  });

  test('is told in the terms', () => {
    const config = withCombiner({ deciding: ['a'], shares: [share] });
    const texts = witnessTerms([sure, harmless, likely], config).map(({ text }) => text);
    expect(texts[0]).not.toContain('counted at');
    expect(texts[1]).toContain('counted at 50 % beside another witness');
    expect(texts[2]).toContain('counted at 100 % beside another witness, and no more than leaves the block');
  });
});
