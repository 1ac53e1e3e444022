import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { PE_HEADER_FIELDS } from '../../../classifiers/metadata/features.ts';
import { reportSchema } from '../../../contracts/report.ts';
import { parsePe, type PortableExecutable } from '../../../formats/pe/parse-pe.ts';
import { peFacts } from '../../../formats/pe/pe-facts.ts';
import { buildPe } from '../../support/pe-builder.ts';
import { plain32, rich64 } from '../../support/pe-samples.ts';

function parsed(bytes: Buffer): PortableExecutable {
  const result = parsePe(bytes);
  if (result.outcome !== 'parsed') throw new Error(`not parsed: ${result.reason}`);
  return result.pe;
}

/** Import hashes, entropies and sizes were computed once with pefile 2024.8.26 over the same bytes. */
describe('a well-formed executable', () => {
  test('has the import hash, fields and entropies that an independent parser gives a 32-bit program', () => {
    const pe = parsed(plain32);
    expect(pe.architecture).toBe('x86');
    expect(pe.importHash).toBe('daa7990cec40cd74e745cca7a0096ab9');
    expect(pe.header).toMatchObject({
      machine: 332,
      time_date_stamp: 1_700_000_000,
      magic: 267,
      size_of_code: 1024,
      base_of_data: 8192,
      image_base: 4_194_304,
      size_of_image: 12_288,
      dll_characteristics: 33_120,
      directory_import_size: 180,
      import_libraries: 2,
      import_functions: 4,
      entry_point_section: 0,
      writable_executable_sections: 1,
      rich_header: 0,
    });
    expect(pe.sections.map(({ name, physicalSizeBytes }) => [name, physicalSizeBytes])).toEqual([
      ['.text', 1024],
      ['.idata', 512],
    ]);
    expect(pe.sections[0]?.entropy).toBe(8);
    expect(pe.sections[1]?.entropy).toBeCloseTo(1.566298482208618, 12);
    expect(pe).toMatchObject({ exportCount: 0, resources: null, hasCertificateTable: false });
  });

  test('has the import hash, version strings and counts that an independent parser gives a 64-bit library', () => {
    const pe = parsed(rich64);
    expect(pe.architecture).toBe('x64');
    expect(pe.importHash).toBe('3308a8fb27bd94b03bf08c6d7b8df70f');
    expect(pe.header).toMatchObject({ image_base: 0x140000000, directory_security_size: 64, rich_header: 1 });
    expect(pe.exportCount).toBe(3);
    expect(pe.resources?.count).toBe(1);
    expect(pe.sections.at(-1)?.entropy).toBeCloseTo(1.8631996337052459, 12);
    expect(Object.fromEntries(pe.versionStrings)).toEqual({
      CompanyName: 'Example Works',
      ProductName: 'Synthetic Sample',
      OriginalFilename: 'sample.dll',
      FileDescription: 'A sample – für Tests',
      FileVersion: '1.2.3.4',
    });
    expect(pe.hasCertificateTable).toBe(true);
    expect(pe.overlay.sizeBytes).toBe('appended data that no section holds'.length);
  });

  test('fills every header field that the metadata classifier reads', () => {
    expect(Object.keys(parsed(rich64).header)).toEqual(expect.arrayContaining([...PE_HEADER_FIELDS]));
  });

  test('has no import hash where the published one needs ordinal tables that are not here', () => {
    const imports = { 'KERNEL32.dll': ['ExitProcess'], 'WS2_32.dll': [115] };
    const pe = parsed(buildPe({ is64Bit: false, code: Buffer.alloc(16), imports }));
    expect(pe.importHash).toBeNull();
    expect(pe.imports[1]).toEqual({ library: 'WS2_32.dll', functions: ['ord115'] });
  });

  test('makes facts that a report takes, cut to its limits', () => {
    const many = Array.from({ length: 5000 }, (_, index) => `Function${'x'.repeat(300)}${index}`);
    const pe = parsed(buildPe({ is64Bit: true, code: Buffer.alloc(16), imports: { 'big.dll': many } }));
    const facts = peFacts(pe);
    const report = {
      id: '019aa8d2-6c1e-7c4e-9a51-3f0f3f9d2b11',
      '@timestamp': '2026-11-22T10:15:03.120Z',
      detectionSource: 'antivirus',
      localAction: 'held',
      artifact: { kind: 'file', hash: { sha256: 'ab'.repeat(32) } },
      file: { pe: facts.pe, code_signature: facts.codeSignature },
      firebreak: { pe: facts.firebreakPe },
    };
    expect(reportSchema.safeParse(report).error).toBeUndefined();
    expect(facts.firebreakPe.header?.['import_functions']).toBe(5000);
    expect(facts.pe.imports?.[0]?.functions).toHaveLength(2048);
  });
});

describe('bytes that are no executable', () => {
  test.each([
    ['nothing', Buffer.alloc(0), 'no-dos-header'],
    ['text', Buffer.from('MZ, said the file. '.repeat(10)), 'no-pe-header'],
    ['a script', Buffer.from('#!/bin/sh\n'.repeat(20)), 'no-dos-header'],
    ['a file cut in its headers', plain32.subarray(0, 0x110), 'headers-cut'],
  ])('%s', (_name, bytes, reason) => {
    expect(parsePe(bytes)).toEqual({ outcome: 'not-pe', reason });
  });

  test('every cut of an executable is answered', () => {
    for (let length = 0; length < rich64.length; length += 1) {
      expect(['parsed', 'not-pe']).toContain(parsePe(rich64.subarray(0, length)).outcome);
    }
  });

  test('mutated bytes are answered, and what is parsed stays within the contract', () => {
    const mutation = fc.record({
      offset: fc.oneof(fc.integer({ min: 60, max: 0x300 }), fc.nat(rich64.length - 1)),
      value: fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)),
    });
    fc.assert(
      fc.property(
        fc.constantFrom(plain32, rich64),
        fc.array(mutation, { minLength: 1, maxLength: 24 }),
        (file, mutations) => {
          const bytes = Buffer.from(file);
          for (const { offset, value } of mutations) bytes[offset % bytes.length] = value;
          const result = parsePe(bytes);
          if (result.outcome === 'not-pe') return;
          const facts = peFacts(result.pe);
          for (const value of Object.values(result.pe.header)) expect(Number.isSafeInteger(value)).toBe(true);
          for (const { entropy } of facts.pe.sections ?? []) expect(entropy ?? 0).toBeLessThanOrEqual(8);
          expect(facts.pe.imports?.length ?? 0).toBeLessThanOrEqual(512);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a resource tree that points at itself ends', () => {
    const bytes = Buffer.from(rich64);
    const root = bytes.indexOf(Buffer.from([16, 0, 0, 0, 24, 0, 0, 0x80]));
    bytes.writeUInt32LE(0x80000000, root + 4);
    bytes.writeUInt16LE(0xffff, root - 2);
    expect(parsePe(bytes).outcome).toBe('parsed');
  });
});
