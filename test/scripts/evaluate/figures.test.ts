import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { auc, figuresOf, rocOf, type Outcome } from '../../../scripts/evaluate/figures.ts';

const outcome = (probability: number, isMalicious: boolean, item = String(probability)): Outcome => ({
  ...{ probability, isMalicious, item },
  blocks: probability >= 0.9,
});

describe('figures', () => {
  test('rates are told by row and by distinct item', () => {
    const { malicious, benign } = figuresOf([
      outcome(0.95, true, 'a'),
      outcome(0.95, true, 'a'),
      outcome(0.1, true, 'b'),
      outcome(0.99, false, 'c'),
      outcome(0.2, false, 'd'),
      outcome(0.2, false, 'd'),
    ]);
    expect(malicious).toEqual({
      ...{ rows: 3, blocked: 2, rate: 0.6667, items: 2, blockedItems: 1, itemRate: 0.5 },
    });
    expect(benign).toMatchObject({ rows: 3, blocked: 1, rate: 0.3333, items: 2, itemRate: 0.5 });
  });

  test('the area under the curve is the share of pairs in the right order, ties half', () => {
    const values = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(values, values, (malicious, benign) => {
        const pairs = malicious.flatMap((m) => benign.map((b) => (m > b ? 1 : m === b ? 0.5 : 0)));
        const expected = pairs.reduce((sum: number, pair) => sum + pair, 0) / pairs.length;
        expect(auc(malicious, benign)).toBeCloseTo(expected, 3);
      }),
    );
  });

  test('detection at a rate of false alarms leaves at most so many benign rows above', () => {
    const benign = Array.from({ length: 100 }, (_, n) => outcome(n / 200, false));
    const malicious = Array.from({ length: 100 }, (_, n) => outcome(n / 100 + 0.001, true));
    // One of 100 may lie above: the threshold is the second highest, 0.49.
    expect(figuresOf([...benign, ...malicious])).toMatchObject({
      tprAtFpr1Percent: 0.51,
      tprAtFpr01Percent: 0.5,
    });
  });

  test('calibration is right where of each class so many lie in a bin as it says', () => {
    const perfect = [outcome(0, false), outcome(1, true)];
    expect(figuresOf(perfect).calibrationError).toBe(0);
    const wrong = [outcome(1, false), outcome(0, true)];
    expect(figuresOf(wrong).calibrationError).toBe(1);
  });

  test('one class alone has rates and no curve', () => {
    const figures = figuresOf([outcome(0.5, true)]);
    expect(figures).toMatchObject({ auc: null, calibrationError: null, benign: { rows: 0, rate: null } });
    expect(rocOf([outcome(0.5, true)])).toEqual([]);
  });

  test('the curve runs from nothing blocked to everything', () => {
    const points = rocOf([outcome(0.9, true), outcome(0.5, false), outcome(0.5, true), outcome(0.1, false)]);
    expect(points).toEqual([
      { fpr: 0, tpr: 0 },
      { fpr: 0, tpr: 0.5 },
      { fpr: 0.5, tpr: 1 },
      { fpr: 1, tpr: 1 },
    ]);
  });
});
