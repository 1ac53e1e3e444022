import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { extractFeatures, SHAPE, TRIGRAM_ROWS } from '../../../classifiers/network/features.ts';
import { segment } from '../../../classifiers/network/segment.ts';

const features = (label: string, suffix = 'com') => extractFeatures({ label, suffix, under: 'registry' });
const shapeOf = (label: string, name: string) => features(label).shape[SHAPE.indexOf(name)];

test('any label has as many features as the model reads, within their ranges', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 63, unit: 'binary' }), (label) => {
      const { trigrams, shape } = features(label);
      expect(trigrams).toHaveLength(label.length + 1);
      expect(trigrams.every((row) => row > 0 && row < TRIGRAM_ROWS)).toBe(true);
      expect(shape).toHaveLength(SHAPE.length);
      expect(shape.every((value) => Number.isFinite(value) && value >= 0)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('shape counts what its names say', () => {
  expect(shapeOf('a1b22', 'digits')).toBe(3);
  expect(shapeOf('aabstract', 'doubled')).toBe(1);
  expect(shapeOf('strength', 'consonant-run')).toBe(4);
  expect(shapeOf('aaaa', 'entropy')).toBe(0);
  expect(shapeOf('abcd', 'entropy')).toBe(2);
});

test('two labels that differ in one digit share their runs of three, not their shape', () => {
  expect(features('abc1').trigrams).toEqual(features('abc7').trigrams);
  expect(features('abc11').shape).not.toEqual(features('abc17').shape);
});

test('a label is split into few long words', () => {
  expect(segment('bottlecanyonremind')).toEqual(['bottle', 'canyon', 'remind']);
  expect(segment('therapists')).toEqual(['therapists']);
  expect(segment('qxkvjtrw')).toEqual([]);
});
