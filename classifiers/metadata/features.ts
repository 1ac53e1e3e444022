import type { Report } from '../../contracts/report.ts';

/**
 * Static features of a portable executable, read from what the agent parsed out of it.
 *
 * The fields of `firebreak.pe.header` that this classifier understands are `PE_HEADER_FIELDS`. An agent fills what it
 * can parse and leaves the rest out: an absent field is missing, never zero. Values are non-negative integers; one
 * that does not fit a safe integer (a hostile 64-bit `image_base` or heap reserve) is left out.
 */

/**
 * Names under `firebreak.pe.header`, each a non-negative integer.
 *
 * - File header and optional header: the field of the PE format in snake case.
 * - `directory_*_size`: the `Size` of the data directory of that name, 0 when the directory is empty.
 * - `import_libraries`, `import_functions`: counted over the import table, by name or by ordinal, delay imports not
 *   counted. `file.pe.imports` serves as well where an agent lists them. Exports and resources are counted in
 *   `firebreak.pe.exports.count` and `firebreak.pe.resources.count`.
 * - `entry_point_section`: zero-based index of the section whose virtual range holds the entry point; left out when
 *   no section holds it or the entry point is 0.
 * - `writable_executable_sections`: sections with both the write and the execute flag.
 * - `rich_header`: 1 when the linker's "Rich" mark stands between DOS and PE header, else 0.
 */
export const PE_HEADER_FIELDS = [
  'machine',
  'number_of_sections',
  'number_of_symbols',
  'pointer_to_symbol_table',
  'size_of_optional_header',
  'characteristics',
  'magic',
  'size_of_code',
  'size_of_initialized_data',
  'size_of_uninitialized_data',
  'address_of_entry_point',
  'base_of_code',
  'image_base',
  'section_alignment',
  'file_alignment',
  'size_of_image',
  'size_of_headers',
  'checksum',
  'subsystem',
  'dll_characteristics',
  'size_of_stack_reserve',
  'size_of_stack_commit',
  'size_of_heap_reserve',
  'size_of_heap_commit',
  'loader_flags',
  'number_of_rva_and_sizes',
  'directory_export_size',
  'directory_import_size',
  'directory_resource_size',
  'directory_exception_size',
  'directory_security_size',
  'directory_base_relocation_size',
  'directory_debug_size',
  'directory_tls_size',
  'directory_load_config_size',
  'directory_iat_size',
  'directory_delay_import_size',
  'directory_com_descriptor_size',
  'import_libraries',
  'import_functions',
  'entry_point_section',
  'writable_executable_sections',
  'rich_header',
] as const;

export type PeHeaderField = (typeof PE_HEADER_FIELDS)[number];

/** Raised whenever a feature is added, removed or computed otherwise; a model answers only for its own schema. */
export const FEATURE_SCHEMA_VERSION = 1;

/** Stands for a fact that the report does not carry. Every known value is 0 or more. */
export const MISSING = -1;

type Header = Readonly<Partial<Record<PeHeaderField, number>>>;

/** The parts of a report that describe a portable executable. */
export interface ExecutableFacts {
  readonly header: Header;
  readonly entropies: readonly number[];
  readonly report: Pick<Report, 'file' | 'firebreak'>;
}

/**
 * One number of the vector. `group` names facts that a source of reports has or lacks together: training hides whole
 * groups at random, so that their absence says nothing about the label.
 */
interface Feature {
  readonly name: string;
  readonly group: 'header' | 'sections' | 'directories' | 'imports' | 'file';
  /** 1 where a larger value may never lower the score, -1 where it may never raise it: what adversaries can pad. */
  readonly monotone?: 1 | -1;
  readonly read: (facts: ExecutableFacts) => number | undefined;
}

const largestRatio = 8;

/** Base-2 logarithm of 1 + value: sizes of any magnitude share one scale. */
function logarithm(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.log2(1 + value);
}

/** part / whole on the scale 0…8; what lies beyond is a malformed header, and how far beyond says nothing. */
function ratio(part: number | undefined, whole: number | undefined): number | undefined {
  if (part === undefined || whole === undefined) return undefined;
  if (whole === 0) return part === 0 ? 0 : largestRatio;
  return Math.min(part / whole, largestRatio);
}

function ofHeader(
  name: string,
  field: PeHeaderField,
  transform: (value: number) => number | undefined,
): Feature {
  return {
    name,
    group: 'header',
    read: ({ header }) => {
      const value = header[field];
      return value === undefined ? undefined : transform(value);
    },
  };
}

/** Sizes of directories can be padded at will: more of one never makes a file look better. */
function ofDirectory(name: string, field: PeHeaderField): Feature {
  return { ...ofHeader(name, field, logarithm), group: 'directories', monotone: 1 };
}

/** Bits are tested by division: the fields are unsigned and may exceed what bitwise operators hold. */
const bit = (index: number) => (value: number) => Math.floor(value / 2 ** index) % 2;
const isNonZero = (value: number) => Number(value !== 0);

/** Where the entry point lies in the code: 0 its first byte, 1 its end, 8 far behind or before it. */
function entryPosition({ header: h }: ExecutableFacts): number | undefined {
  if (h.address_of_entry_point === undefined || h.base_of_code === undefined) return undefined;
  if (h.address_of_entry_point === 0) return undefined;
  const offset = h.address_of_entry_point - h.base_of_code;
  return offset < 0 ? largestRatio : ratio(offset, h.size_of_code);
}

/** 0 a linker's default for programs, 1 its default for libraries, 2 chosen: the 32-bit and 64-bit defaults look alike. */
function imageBaseClass(base: number): number {
  if (base === 0x400000 || base === 0x140000000) return 0;
  return base === 0x10000000 || base === 0x180000000 ? 1 : 2;
}

/** Share of the loaded image that the declared code and data sizes account for. */
function accountedShare({ header: h }: ExecutableFacts): number | undefined {
  const { size_of_code: code, size_of_initialized_data: data, size_of_uninitialized_data: blank } = h;
  if (code === undefined || data === undefined || blank === undefined) return undefined;
  return ratio(code + data + blank, h.size_of_image);
}

/** Code that starts behind as much room as the uninitialized data claims: the layout that UPX and its kin leave. */
function unpacksInPlace({ header: h }: ExecutableFacts): number | undefined {
  const { size_of_uninitialized_data: blank, base_of_code: start } = h;
  if (blank === undefined || start === undefined) return undefined;
  return Number(blank >= 0x1000 && start > blank);
}

function importFunctions({ header, report }: ExecutableFacts): number | undefined {
  const imports = report.file?.pe?.imports;
  return (
    header.import_functions ?? imports?.reduce((sum, { functions }) => sum + (functions?.length ?? 0), 0)
  );
}

function importLibraries({ header, report }: ExecutableFacts): number | undefined {
  return header.import_libraries ?? report.file?.pe?.imports?.length;
}

export const FEATURES: readonly Feature[] = [
  ofHeader('sections', 'number_of_sections', (value) => Math.min(value, 20)),
  ofHeader('has-symbols', 'pointer_to_symbol_table', isNonZero),
  ofHeader('relocations-stripped', 'characteristics', bit(0)),
  ofHeader('line-numbers-stripped', 'characteristics', bit(2)),
  ofHeader('local-symbols-stripped', 'characteristics', bit(3)),
  ofHeader('debug-stripped', 'characteristics', bit(9)),
  ofHeader('library', 'characteristics', bit(13)),
  ofHeader('bytes-reversed', 'characteristics', bit(15)),
  ofHeader('code-log', 'size_of_code', logarithm),
  ofHeader('data-log', 'size_of_initialized_data', logarithm),
  ofHeader('blank-log', 'size_of_uninitialized_data', logarithm),
  ofHeader('image-log', 'size_of_image', logarithm),
  ofHeader('entry-log', 'address_of_entry_point', logarithm),
  ofHeader('entry-zero', 'address_of_entry_point', (value) => Number(value === 0)),
  { name: 'entry-position', group: 'header', read: entryPosition },
  {
    name: 'entry-in-image',
    group: 'header',
    read: ({ header: h }) => ratio(h.address_of_entry_point, h.size_of_image),
  },
  { name: 'code-share', group: 'header', read: ({ header: h }) => ratio(h.size_of_code, h.size_of_image) },
  {
    name: 'data-share',
    group: 'header',
    read: ({ header: h }) => ratio(h.size_of_initialized_data, h.size_of_image),
  },
  {
    name: 'blank-share',
    group: 'header',
    read: ({ header: h }) => ratio(h.size_of_uninitialized_data, h.size_of_image),
  },
  { name: 'accounted-share', group: 'header', read: accountedShare },
  {
    name: 'code-to-data',
    group: 'header',
    read: ({ header: h }) => ratio(h.size_of_code, h.size_of_initialized_data),
  },
  { name: 'unpacks-in-place', group: 'header', read: unpacksInPlace },
  ofHeader('code-at-first-page', 'base_of_code', (value) => Number(value === 0x1000)),
  ofHeader('image-base', 'image_base', imageBaseClass),
  ofHeader('file-alignment-log', 'file_alignment', logarithm),
  ofHeader('section-alignment-log', 'section_alignment', logarithm),
  ofHeader('headers-log', 'size_of_headers', logarithm),
  ofHeader('has-checksum', 'checksum', isNonZero),
  ofHeader('subsystem', 'subsystem', (value) => Math.min(value, 16)),
  ofHeader('dynamic-base', 'dll_characteristics', bit(6)),
  ofHeader('no-execute-compatible', 'dll_characteristics', bit(8)),
  ofHeader('no-exception-handlers', 'dll_characteristics', bit(10)),
  ofHeader('terminal-server-aware', 'dll_characteristics', bit(15)),
  ofHeader('stack-reserve-log', 'size_of_stack_reserve', logarithm),
  ofHeader('stack-commit-log', 'size_of_stack_commit', logarithm),
  ofHeader('heap-reserve-log', 'size_of_heap_reserve', logarithm),
  ofHeader('heap-commit-log', 'size_of_heap_commit', logarithm),
  ofHeader('loader-flags', 'loader_flags', isNonZero),
  ofHeader('sixteen-directories', 'number_of_rva_and_sizes', (value) => Number(value === 16)),
  { name: 'entropy-mean', group: 'sections', read: (facts) => mean(facts.entropies) },
  { name: 'entropy-max', group: 'sections', read: (facts) => extreme(facts.entropies, Math.max) },
  { name: 'entropy-min', group: 'sections', read: (facts) => extreme(facts.entropies, Math.min) },
  ofDirectory('export-log', 'directory_export_size'),
  ofDirectory('import-log', 'directory_import_size'),
  ofDirectory('resource-log', 'directory_resource_size'),
  ofDirectory('exception-log', 'directory_exception_size'),
  ofDirectory('security-log', 'directory_security_size'),
  {
    name: 'import-functions-log',
    group: 'imports',
    monotone: 1,
    read: (facts) => logarithm(importFunctions(facts)),
  },
  {
    name: 'import-libraries-log',
    group: 'imports',
    monotone: 1,
    read: (facts) => logarithm(importLibraries(facts)),
  },
  { name: 'size-log', group: 'file', monotone: 1, read: ({ report }) => logarithm(report.file?.size) },
];

function mean(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0) / values.length;
}

function extreme(values: readonly number[], pick: (...values: number[]) => number): number | undefined {
  return values.length === 0 ? undefined : pick(...values);
}

/** A header field that is negative or not finite is no field of this format: it counts as missing. */
function usableHeader(report: ExecutableFacts['report']): Header {
  const fields = report.firebreak?.pe?.header ?? {};
  const header: Partial<Record<PeHeaderField, number>> = {};
  for (const name of PE_HEADER_FIELDS) {
    const value = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (value !== undefined && value >= 0 && Number.isFinite(value)) header[name] = value;
  }
  return header;
}

/** @returns what the report says about an executable; it may be nothing (`describesExecutable`) */
export function readExecutable(report: ExecutableFacts['report']): ExecutableFacts {
  const entropies = (report.file?.pe?.sections ?? []).flatMap(({ entropy }) => entropy ?? []);
  return { header: usableHeader(report), entropies, report };
}

/** @returns whether that is enough to judge it: its optional header, at the least */
export function describesExecutable({ header }: ExecutableFacts): boolean {
  return (
    header.size_of_code !== undefined &&
    header.size_of_image !== undefined &&
    header.address_of_entry_point !== undefined
  );
}

/** @returns the vector of `FEATURES`, in their order; each value is finite and at least 0, or `MISSING` */
export function extractFeatures(facts: ExecutableFacts): Float32Array {
  const features = new Float32Array(FEATURES.length);
  FEATURES.forEach(({ read }, index) => {
    features[index] = read(facts) ?? MISSING;
  });
  return features;
}
