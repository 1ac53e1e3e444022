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
 * - `import_libraries`, `import_functions`, `export_functions`: counted over the import and export tables (by name or
 *   by ordinal, delay imports not counted). `resource_entries`: entries of the root resource directory.
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
  'export_functions',
  'resource_entries',
  'entry_point_section',
  'writable_executable_sections',
  'rich_header',
] as const;

export type PeHeaderField = (typeof PE_HEADER_FIELDS)[number];

/** What the features are read from: the parts of a report that describe a portable executable. */
export interface ExecutableFacts {
  readonly header: Readonly<Partial<Record<PeHeaderField, number>>>;
  readonly sections: readonly SectionFacts[];
  readonly sizeBytes: number | undefined;
  readonly overlay: { readonly sizeBytes: number | undefined; readonly entropy: number | undefined };
  readonly signature: 'absent' | 'untrusted' | 'trusted' | undefined;
}

export interface SectionFacts {
  readonly name: string | undefined;
  readonly entropy: number | undefined;
  readonly virtualSizeBytes: number | undefined;
  readonly physicalSizeBytes: number | undefined;
}

/** Stands for a fact that the report does not carry. Every known value is 0 or more. */
export const MISSING = -1;

interface Feature {
  readonly name: string;
  readonly read: (facts: ExecutableFacts) => number | undefined;
}

const peOptionalHeaderBytes32 = 224;
const peOptionalHeaderBytes64 = 240;
const executableImageBases = new Set([0x400000, 0x140000000, 0x1000000]);
const libraryImageBases = new Set([0x10000000, 0x180000000]);
const largestLog = 64;

/** Base-2 logarithm of 1 + value, so that sizes of any magnitude share one scale. */
function logarithm(value: number | undefined): number | undefined {
  return value === undefined ? undefined : Math.min(Math.log2(1 + value), largestLog);
}

/** part / whole on the scale 0…8; what lies beyond is a malformed header and looks the same. */
function ratio(part: number | undefined, whole: number | undefined): number | undefined {
  if (part === undefined || whole === undefined) return undefined;
  return whole === 0 ? (part === 0 ? 0 : 8) : Math.min(part / whole, 8);
}

function flag(condition: boolean | undefined): number | undefined {
  return condition === undefined ? undefined : Number(condition);
}

function header(name: string, field: PeHeaderField, transform: (value: number) => number | undefined): Feature {
  return {
    name,
    read: ({ header: fields }) => {
      const value = fields[field];
      return value === undefined ? undefined : transform(value);
    },
  };
}

const bit = (mask: number) => (value: number) => Number((value & mask) !== 0);
const isSet = (value: number) => Number(value !== 0);

/** Where the entry point lies in the code: 0 first byte, 1 end, above 1 behind it; 8 also before it. */
function entryPosition({ header: h }: ExecutableFacts): number | undefined {
  if (h.address_of_entry_point === undefined || h.base_of_code === undefined) return undefined;
  const offset = h.address_of_entry_point - h.base_of_code;
  return offset < 0 ? 8 : ratio(offset, h.size_of_code);
}

/** 0 a linker's default for programs, 1 its default for libraries, 2 chosen by hand or by a system build. */
function imageBaseClass(base: number): number {
  if (executableImageBases.has(base)) return 0;
  return libraryImageBases.has(base) ? 1 : 2;
}

function isUnusualOptionalHeader({ header: h }: ExecutableFacts): number | undefined {
  const size = h.size_of_optional_header;
  return size === undefined ? undefined : Number(size !== peOptionalHeaderBytes32 && size !== peOptionalHeaderBytes64);
}

/** How far the declared image exceeds what headers, code and data declared in it account for. */
function unaccounted({ header: h }: ExecutableFacts): number | undefined {
  const { size_of_code: code, size_of_initialized_data: data, size_of_uninitialized_data: bss, size_of_image: image } = h;
  if (code === undefined || data === undefined || bss === undefined) return undefined;
  return ratio(code + data + bss, image);
}

function sectionEntropies({ sections }: ExecutableFacts): readonly number[] {
  return sections.flatMap(({ entropy }) => (entropy === undefined ? [] : [entropy]));
}

function sectionValues(pick: (section: SectionFacts) => number | undefined, fold: (values: readonly number[]) => number) {
  return ({ sections }: ExecutableFacts) => {
    const values = sections.flatMap((section) => pick(section) ?? []);
    return values.length === 0 ? undefined : fold(values);
  };
}

const largest = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b));
const smallest = (values: readonly number[]) => values.reduce((a, b) => Math.min(a, b));
const mean = (values: readonly number[]) => values.reduce((a, b) => a + b) / values.length;
