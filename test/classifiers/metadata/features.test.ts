import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  extractFeatures,
  FEATURES,
  MISSING,
  PE_HEADER_FIELDS,
  readExecutable,
} from '../../../classifiers/metadata/features.ts';
import type { Report } from '../../../contracts/report.ts';

const featuresOf = (report: Pick<Report, 'file' | 'firebreak'>) => extractFeatures(readExecutable(report));

const anyNumber = fc.oneof(
  fc.double(),
  fc.integer(),
  fc.constantFrom(0, 1, 2 ** 32 - 1, Number.MAX_SAFE_INTEGER),
);
const anyHeader = fc.dictionary(fc.oneof(fc.constantFrom(...PE_HEADER_FIELDS), fc.string()), anyNumber);
const anySections = fc.array(
  fc.record({ entropy: fc.double({ min: 0, max: 8, noNaN: true }), name: fc.string() }),
  { maxLength: 96 },
);
const anyImports = fc.array(fc.record({ library: fc.string(), functions: fc.array(fc.string()) }), {
  maxLength: 5,
});

describe('extractFeatures of the metadata classifier', () => {
  test('every report has finite features, at least 0 or missing', () => {
    fc.assert(
      fc.property(anyHeader, anySections, anyImports, fc.nat(), (header, sections, imports, size) => {
        const report = { file: { size, pe: { sections, imports } }, firebreak: { pe: { header } } };
        const features = featuresOf(report);
        expect(features).toHaveLength(FEATURES.length);
        expect(features.every((value) => Number.isFinite(value) && (value >= 0 || value === MISSING))).toBe(
          true,
        );
      }),
    );
  });

  test('a report that says nothing has nothing but missing features', () => {
    expect(featuresOf({}).every((value) => value === MISSING)).toBe(true);
  });

  test('names of inherited properties are no header fields', () => {
    expect(featuresOf({ firebreak: { pe: { header: { constructor: 5 } } } })).toEqual(featuresOf({}));
  });

  test('the 32-bit and the 64-bit form of a program look alike in image base and characteristics', () => {
    const narrow = { image_base: 0x400000, machine: 332, magic: 267 };
    const wide = { image_base: 0x140000000, machine: 0x8664, magic: 523 };
    const of = (header: Record<string, number>) => featuresOf({ firebreak: { pe: { header } } });
    expect(of(narrow)).toEqual(of(wide));
  });

  test('versions, times and the DOS header are not read', () => {
    const told = ['major_linker_version', 'time_date_stamp', 'e_lfanew', 'major_subsystem_version'];
    expect(PE_HEADER_FIELDS.filter((name) => told.some((other) => other === name))).toEqual([]);
  });
});
