import { describe, expect, test } from '@jest/globals';
import { readExecutable } from '../../../classifiers/metadata/features.ts';
import { recognizeStub } from '../../../classifiers/metadata/stub.ts';

const program = {
  size_of_code: 60_000,
  size_of_uninitialized_data: 0,
  address_of_entry_point: 0x2000,
  base_of_code: 0x1000,
  characteristics: 0x102,
};
const of = (header: Record<string, number>, ...names: readonly string[]) =>
  recognizeStub(
    readExecutable({
      file: { pe: { sections: names.map((name) => ({ name })) } },
      firebreak: { pe: { header } },
    }),
  );

describe('recognizeStub', () => {
  test('an ordinary program is none', () => {
    expect(of(program, '.text', '.data', '.rsrc')).toBeUndefined();
  });

  test('a Nullsoft installer is told by its section or by its header alone', () => {
    const header = {
      ...program,
      size_of_code: 24_064,
      size_of_uninitialized_data: 1024,
      address_of_entry_point: 12_538,
      characteristics: 271,
    };
    expect(of(header)?.code).toBe('installer-stub');
    expect(of(program, '.text', '.ndata')?.code).toBe('installer-stub');
  });

  test('an Inno Setup loader is told by its header', () => {
    const header = {
      ...program,
      size_of_code: 37_376,
      address_of_entry_point: 39_512,
      characteristics: 33_167,
    };
    expect(of(header)?.code).toBe('installer-stub');
  });

  test('an installer made by Python’s distutils is told by its header', () => {
    const header = {
      ...program,
      size_of_code: 144_896,
      address_of_entry_point: 47_294,
      characteristics: 259,
    };
    expect(of(header, '.text', '.rdata', '.data', '.rsrc')?.code).toBe('installer-stub');
    expect(of({ ...header, address_of_entry_point: 47_295 })).toBeUndefined();
  });

  test('packed code is told by its sections or by where it starts', () => {
    expect(of(program, 'UPX0', 'UPX1')?.code).toBe('packed');
    expect(
      of({
        ...program,
        size_of_uninitialized_data: 122_880,
        base_of_code: 126_976,
        address_of_entry_point: 183_000,
      })?.code,
    ).toBe('packed');
  });

  test('a report without header is none', () => {
    expect(recognizeStub(readExecutable({}))).toBeUndefined();
  });
});
