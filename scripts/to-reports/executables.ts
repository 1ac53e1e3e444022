import type { Report } from '../../contracts/report.ts';
import type { PeHeaderField } from '../../classifiers/metadata/features.ts';
import type { Row } from './rows.ts';

/**
 * Turns rows of tables of static features into the parts of a Report that describe an executable. Column names are those
 * of the `pefile` library, as public tables use them; where tables differ, the alternatives stand side by side.
 */
const headerColumns: Readonly<Partial<Record<PeHeaderField, readonly string[]>>> = {
  machine: ['Machine'],
  number_of_sections: ['NumberOfSections'],
  number_of_symbols: ['NumberOfSymbols'],
  pointer_to_symbol_table: ['PointerToSymbolTable'],
  size_of_optional_header: ['SizeOfOptionalHeader'],
  characteristics: ['Characteristics'],
  magic: ['Magic'],
  size_of_code: ['SizeOfCode'],
  size_of_initialized_data: ['SizeOfInitializedData'],
  size_of_uninitialized_data: ['SizeOfUninitializedData'],
  address_of_entry_point: ['AddressOfEntryPoint'],
  base_of_code: ['BaseOfCode'],
  image_base: ['ImageBase'],
  section_alignment: ['SectionAlignment'],
  file_alignment: ['FileAlignment'],
  size_of_image: ['SizeOfImage'],
  size_of_headers: ['SizeOfHeaders'],
  checksum: ['CheckSum'],
  subsystem: ['Subsystem'],
  dll_characteristics: ['DllCharacteristics'],
  size_of_stack_reserve: ['SizeOfStackReserve'],
  size_of_stack_commit: ['SizeOfStackCommit'],
  size_of_heap_reserve: ['SizeOfHeapReserve'],
  size_of_heap_commit: ['SizeOfHeapCommit'],
  loader_flags: ['LoaderFlags'],
  number_of_rva_and_sizes: ['NumberOfRvaAndSizes'],
  directory_export_size: ['Dir_EXPORT_Size', 'SizeImageDirectoryEntryExport'],
  directory_import_size: ['Dir_IMPORT_Size', 'SizeImageDirectoryEntryImport'],
  directory_resource_size: ['Dir_RESOURCE_Size', 'SizeImageDirectoryEntryResource'],
  directory_exception_size: ['Dir_EXCEPTION_Size', 'SizeImageDirectoryEntryException'],
  directory_security_size: ['Dir_SECURITY_Size', 'SizeImageDirectoryEntrySecurity'],
  import_functions: ['NumImports', 'SumImportFunctionMethod'],
  import_libraries: ['NumImportDlls', 'SumImportFunction'],
};
const entropyColumns = {
  mean: ['SecEntropyMean', 'SectionMeanEntropy'],
  least: ['SecEntropyMin', 'SectionMinEntropy'],
  largest: ['SecEntropyMax', 'SectionMaxEntropy'],
} as const;
const largestSectionCount = 96;

export type ExecutableReport = Pick<Report, 'file' | 'firebreak'>;

function numberIn(row: Row, columns: readonly string[]): number | undefined {
  const cell = columns.map((column) => row[column]).find((value) => value !== undefined && value !== '');
  const value = Number(cell ?? Number.NaN);
  return Number.isFinite(value) ? value : undefined;
}

function headerOf(row: Row): Record<string, number> {
  return Object.fromEntries(
    Object.entries(headerColumns).flatMap(([field, columns]) => {
      const value = numberIn(row, columns);
      return value === undefined ? [] : [[field, value] as const];
    }),
  );
}

/**
 * The tables keep mean, least and largest entropy of the sections, a Report lists sections: one at either end and the
 * others alike, so that the mean comes out.
 */
function sectionsOf(row: Row): { readonly entropy: number }[] {
  const mean = numberIn(row, entropyColumns.mean);
  const least = numberIn(row, entropyColumns.least);
  const largest = numberIn(row, entropyColumns.largest);
  const count = Math.min(numberIn(row, ['NumberOfSections']) ?? 0, largestSectionCount);
  if (mean === undefined || least === undefined || largest === undefined || count < 1) return [];
  if (count === 1) return [{ entropy: mean }];
  const between = Array.from({ length: count - 2 }, () => (count * mean - least - largest) / (count - 2));
  return [least, ...between, largest].map((entropy) => ({ entropy: Math.min(8, Math.max(0, entropy)) }));
}

/** @returns what the row says about an executable, in the fields that an agent would send */
export function executableReport(row: Row): ExecutableReport {
  const sections = sectionsOf(row);
  const sizeBytes = numberIn(row, ['FileSize']);
  return {
    file: {
      ...(sizeBytes !== undefined && { size: sizeBytes }),
      ...(sections.length > 0 && { pe: { sections } }),
    },
    firebreak: { pe: { header: headerOf(row) } },
  };
}

/** What a linker and a program determine together: files that share it are near-copies and stay on one side of a split. */
export function executableFamily(row: Row): string {
  return ['SizeOfCode', 'SizeOfInitializedData', 'AddressOfEntryPoint', 'NumberOfSections']
    .map((column) => row[column] ?? '')
    .join(':');
}
