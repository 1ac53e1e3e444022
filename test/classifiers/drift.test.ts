import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { DriftCounter, histogramOf, readDriftReference, stabilityIndex } from '../../classifiers/drift.ts';
import { readModelManifest } from '../../classifiers/model-manifest.ts';

const spread = (count: number, from: number, to: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => from + ((to - from) * index) / count);

describe('a histogram', () => {
  test('has about a tenth of the values in each bin, and a bin for what is beyond them and one for what is missing', () => {
    const { edges, shares } = histogramOf([...spread(900, 0, 1), ...new Array<null>(100).fill(null)]);
    expect(edges).toHaveLength(9);
    expect(shares).toHaveLength(11);
    expect(shares[0]).toBeCloseTo(0.1);
    for (const share of shares.slice(1)) expect(share).toBeCloseTo(0.09, 2);
  });

  test('of one value alone tells it from larger ones', () => {
    expect(histogramOf([3, 3, 3])).toEqual({ edges: [3], shares: [0, 1, 0] });
  });
});

describe('the stability index', () => {
  test('is 0 for the same shares and what the formula says for others', () => {
    expect(stabilityIndex([0.5, 0.5], [50, 50])).toBe(0);
    expect(stabilityIndex([0.5, 0.5], [80, 20])).toBeCloseTo(0.3 * Math.log(1.6) - 0.3 * Math.log(0.4), 12);
  });
});

describe('a drift counter', () => {
  const values = spread(2_000, 0, 1);
  const features = { size: histogramOf(values), score: histogramOf(values) };
  const counter = () => new DriftCounter({ modelSha256: '', rows: 2_000, features }, ['size'], 1_000);

  test('says nothing of few values, little of the same values and much of others, feature by feature', () => {
    const drift = counter();
    for (const value of values.slice(0, 900)) drift.count([value], value, 5_000);
    expect(drift.indices(5_000).size).toBe(0);
    const other = counter();
    for (const value of values) other.count([value / 3], value, 5_000);
    const indices = other.indices(5_000);
    expect(indices.get('score')).toBeLessThan(0.01);
    expect(indices.get('size')).toBeGreaterThan(1);
  });

  test('forgets what is two windows old', () => {
    const drift = counter();
    for (const value of values) drift.count([value], value, 5_000);
    expect(drift.indices(6_500).size).toBe(2);
    expect(drift.indices(7_500).size).toBe(0);
  });

  test('a negative value is a missing one', () => {
    const drift = counter();
    for (const value of values) drift.count([-1], value, 5_000);
    expect(drift.indices(5_000).get('size')).toBeGreaterThan(1);
  });
});

test.each(['metadata', 'behavior'])(
  'the reference of %s is of the model that is shipped: after training run `npm run drift-reference`',
  async (id) => {
    const folder = new URL(`../../classifiers/${id}/`, import.meta.url);
    const { model } = await readModelManifest(new URL('manifest.json', folder));
    const reference = await readDriftReference(folder, model.sha256);
    expect(Object.keys(reference?.features ?? {})).toContain('score');
    expect((await readFile(new URL('reference.json', folder))).length).toBeLessThan(20_000);
  },
);
