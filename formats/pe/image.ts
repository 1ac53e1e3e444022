import { take } from '../take.ts';

/**
 * The headers of a portable executable, read from raw bytes that nobody vouches for. Every structure is cut out with
 * `take`, which checks the bounds once; inside of the cut, offsets are constants.
 * Source of the layouts: Microsoft's "PE Format" specification.
 */

export interface Section {
  readonly name: string;
  readonly virtualAddress: number;
  readonly virtualSize: number;
  readonly rawOffset: number;
  readonly rawSize: number;
  readonly characteristics: number;
}

export interface DataDirectory {
  readonly address: number;
  readonly size: number;
}

export interface PeImage {
  readonly bytes: Buffer;
  readonly is64Bit: boolean;
  /** Header fields by their names in the specification, in snake case. */
  readonly fields: Readonly<Record<string, number>>;
  readonly directories: Readonly<Partial<Record<DirectoryName, DataDirectory>>>;
  readonly sections: readonly Section[];
}

export type NotPeReason = 'no-dos-header' | 'no-pe-header' | 'headers-cut';
export type ImageResult =
  | { readonly outcome: 'image'; readonly image: PeImage }
  | { readonly outcome: 'not-pe'; readonly reason: NotPeReason };

const directoryNames = [
  'export',
  'import',
  'resource',
  'exception',
  'security',
  'base_relocation',
  'debug',
  'architecture',
  'global_ptr',
  'tls',
  'load_config',
  'bound_import',
  'iat',
  'delay_import',
  'com_descriptor',
] as const;
export type DirectoryName = (typeof directoryNames)[number];

type Field = readonly [name: string, offset: number, bytes: 1 | 2 | 4 | 8];

const fileHeaderBytes = 20;
const fileHeaderFields: readonly Field[] = [
  ['machine', 0, 2],
  ['number_of_sections', 2, 2],
  ['time_date_stamp', 4, 4],
  ['pointer_to_symbol_table', 8, 4],
  ['number_of_symbols', 12, 4],
  ['size_of_optional_header', 16, 2],
  ['characteristics', 18, 2],
];
const commonFields: readonly Field[] = [
  ['magic', 0, 2],
  ['major_linker_version', 2, 1],
  ['minor_linker_version', 3, 1],
  ['size_of_code', 4, 4],
  ['size_of_initialized_data', 8, 4],
  ['size_of_uninitialized_data', 12, 4],
  ['address_of_entry_point', 16, 4],
  ['base_of_code', 20, 4],
  ['section_alignment', 32, 4],
  ['file_alignment', 36, 4],
  ['major_operating_system_version', 40, 2],
  ['minor_operating_system_version', 42, 2],
  ['major_image_version', 44, 2],
  ['minor_image_version', 46, 2],
  ['major_subsystem_version', 48, 2],
  ['minor_subsystem_version', 50, 2],
  ['win32_version_value', 52, 4],
  ['size_of_image', 56, 4],
  ['size_of_headers', 60, 4],
  ['checksum', 64, 4],
  ['subsystem', 68, 2],
  ['dll_characteristics', 70, 2],
];
const layouts = {
  [0x10b]: {
    is64Bit: false,
    bytes: 96,
    fields: [
      ...commonFields,
      ['base_of_data', 24, 4],
      ['image_base', 28, 4],
      ['size_of_stack_reserve', 72, 4],
      ['size_of_stack_commit', 76, 4],
      ['size_of_heap_reserve', 80, 4],
      ['size_of_heap_commit', 84, 4],
      ['loader_flags', 88, 4],
      ['number_of_rva_and_sizes', 92, 4],
    ],
  },
  [0x20b]: {
    is64Bit: true,
    bytes: 112,
    fields: [
      ...commonFields,
      ['image_base', 24, 8],
      ['size_of_stack_reserve', 72, 8],
      ['size_of_stack_commit', 80, 8],
      ['size_of_heap_reserve', 88, 8],
      ['size_of_heap_commit', 96, 8],
      ['loader_flags', 104, 4],
      ['number_of_rva_and_sizes', 108, 4],
    ],
  },
} as const satisfies Record<number, { is64Bit: boolean; bytes: number; fields: readonly Field[] }>;

const sectionBytes = 40;
const largestSectionCount = 96;

function readField(bytes: Buffer, [, offset, width]: Field): number {
  switch (width) {
    case 1:
      return bytes.readUInt8(offset);
    case 2:
      return bytes.readUInt16LE(offset);
    case 4:
      return bytes.readUInt32LE(offset);
    case 8:
      return Number(bytes.readBigUInt64LE(offset));
  }
}

/** A 64-bit value that no number holds exactly is left out: unknown is better than wrong. */
function readFields(bytes: Buffer, fields: readonly Field[]): Record<string, number> {
  const values: Record<string, number> = {};
  for (const field of fields) {
    const value = readField(bytes, field);
    if (Number.isSafeInteger(value)) values[field[0]] = value;
  }
  return values;
}

function readDirectories(bytes: Buffer, offset: number, declared: number): PeImage['directories'] {
  const directories: Partial<Record<DirectoryName, DataDirectory>> = {};
  for (const [index, name] of directoryNames.slice(0, declared).entries()) {
    const entry = take(bytes, offset + index * 8, 8);
    if (entry) directories[name] = { address: entry.readUInt32LE(0), size: entry.readUInt32LE(4) };
  }
  return directories;
}

function readSections(bytes: Buffer, offset: number, declared: number): readonly Section[] {
  const sections: Section[] = [];
  for (let index = 0; index < Math.min(declared, largestSectionCount); index += 1) {
    const header = take(bytes, offset + index * sectionBytes, sectionBytes);
    if (!header) break;
    sections.push({
      name: header.toString('latin1', 0, 8).replace(/\0.*$/su, ''),
      virtualSize: header.readUInt32LE(8),
      virtualAddress: header.readUInt32LE(12),
      rawSize: header.readUInt32LE(16),
      rawOffset: header.readUInt32LE(20),
      characteristics: header.readUInt32LE(36),
    });
  }
  return sections;
}

/** Reads DOS, COFF and optional header, data directories and section table. Never throws. */
export function readImage(bytes: Buffer): ImageResult {
  if (bytes.length < 64 || bytes.readUInt16LE(0) !== 0x5a4d) return notPe('no-dos-header');
  const peOffset = bytes.readUInt32LE(60);
  const signature = take(bytes, peOffset, 4);
  if (signature?.readUInt32LE(0) !== 0x4550) return notPe('no-pe-header');
  const fileHeader = take(bytes, peOffset + 4, fileHeaderBytes);
  const optionalOffset = peOffset + 4 + fileHeaderBytes;
  const magic = take(bytes, optionalOffset, 2)?.readUInt16LE(0);
  const layout = magic === 0x10b || magic === 0x20b ? layouts[magic] : undefined;
  const optionalHeader = layout && take(bytes, optionalOffset, layout.bytes);
  if (!fileHeader || !layout || !optionalHeader) return notPe('headers-cut');
  const fields = {
    ...readFields(fileHeader, fileHeaderFields),
    ...readFields(optionalHeader, layout.fields),
  };
  const sectionTable = optionalOffset + (fields['size_of_optional_header'] ?? 0);
  return {
    outcome: 'image',
    image: {
      bytes,
      is64Bit: layout.is64Bit,
      fields,
      directories: readDirectories(
        bytes,
        optionalOffset + layout.bytes,
        fields['number_of_rva_and_sizes'] ?? 0,
      ),
      sections: readSections(bytes, sectionTable, fields['number_of_sections'] ?? 0),
    },
  };
}

function notPe(reason: NotPeReason): ImageResult {
  return { outcome: 'not-pe', reason };
}

/** The loader reads sections from multiples of 512 whatever the header says. */
function loadedFrom({ rawOffset }: Section): number {
  return rawOffset - (rawOffset % 512);
}

/** @returns the section whose virtual range holds the address, or undefined */
export function sectionAt(image: PeImage, address: number): Section | undefined {
  return image.sections.find(
    ({ virtualAddress, virtualSize, rawSize }) =>
      address >= virtualAddress && address < virtualAddress + Math.max(virtualSize, rawSize),
  );
}

/** @returns where in the file the byte of a relative virtual address stands, or null where the file does not hold it */
export function fileOffset(image: PeImage, address: number): number | null {
  const section = sectionAt(image, address);
  // Headers are mapped as they are, ahead of the first section.
  const offset = section ? loadedFrom(section) + address - section.virtualAddress : address;
  return offset < image.bytes.length ? offset : null;
}

/** @returns the bytes at a relative virtual address, or null where the file does not hold all of them */
export function takeAt(image: PeImage, address: number, length: number): Buffer | null {
  const offset = fileOffset(image, address);
  return offset === null ? null : take(image.bytes, offset, length);
}

/** @returns the text up to the next zero byte, at most `limit` bytes, or null where the file ends before it */
export function textAt(image: PeImage, address: number, limit = 512): string | null {
  const offset = fileOffset(image, address);
  if (offset === null) return null;
  const window = image.bytes.subarray(offset, offset + limit);
  const end = window.indexOf(0);
  return end < 0 ? null : window.toString('latin1', 0, end);
}
