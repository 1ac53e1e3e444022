import { take } from '../take.ts';
import { entropyOf } from '../entropy.ts';
import { readDebugPath } from './debug-path.ts';
import { readExports } from './exports.ts';
import { readImage, sectionAt, type NotPeReason, type PeImage } from './image.ts';
import { importHash, readImports, type ImportedLibrary } from './imports.ts';
import { readResources, type Resources } from './resources.ts';
import { readVersionStrings } from './version-info.ts';

export interface SectionFacts {
  readonly name: string;
  readonly physicalSizeBytes: number;
  readonly virtualSizeBytes: number;
  /** Bits per byte of what the file holds of it; absent where sections overlap beyond reason. */
  readonly entropy: number | undefined;
}

export interface PortableExecutable {
  readonly architecture: string | undefined;
  /** Header fields and counts, non-negative integers by snake-case name; see `readHeaderFields`. */
  readonly header: Readonly<Record<string, number>>;
  readonly sections: readonly SectionFacts[];
  readonly imports: readonly ImportedLibrary[];
  readonly importHash: string | null;
  readonly exportCount: number;
  /** The first 256 of them that have a name. */
  readonly exportNames: readonly string[];
  readonly resources: Pick<Resources, 'count' | 'entropy' | 'executables'> | null;
  /** Path of the symbol file, as the linker wrote it. */
  readonly debugPath: string | null;
  /** What follows the last section, without an attribute certificate table at its end. */
  readonly overlay: { readonly sizeBytes: number; readonly entropy: number };
  readonly hasCertificateTable: boolean;
  /** `CompanyName`, `ProductName`, `OriginalFilename`, `FileDescription`, `FileVersion`, … */
  readonly versionStrings: ReadonlyMap<string, string>;
}

export type PeResult =
  | { readonly outcome: 'parsed'; readonly pe: PortableExecutable }
  | { readonly outcome: 'not-pe'; readonly reason: NotPeReason };

const architectures: Readonly<Record<number, string>> = {
  [0x14c]: 'x86',
  [0x1c0]: 'arm',
  [0x1c4]: 'arm',
  [0x200]: 'ia64',
  [0x8664]: 'x64',
  [0xaa64]: 'arm64',
};
const writableAndExecutable = 0xa0000000;

/**
 * Parses a portable executable (PE32 or PE32+) from its bytes. Whatever the bytes are, it returns: a crafted table is
 * read as far as it is plausible, and each loop is bounded by a count or by the size of the file.
 */
export function parsePe(bytes: Buffer): PeResult {
  const read = readImage(bytes);
  return read.outcome === 'not-pe' ? read : { outcome: 'parsed', pe: describeImage(read.image) };
}

/** What the tables of an image tell, for who has read its headers already. */
export function describeImage(image: PeImage): PortableExecutable {
  const imports = readImports(image);
  const resources = readResources(image);
  const certificates = certificateTable(image);
  const exports = readExports(image);
  return {
    architecture: architectures[image.fields['machine'] ?? 0],
    header: readHeaderFields(image, imports),
    sections: describeSections(image),
    imports,
    importHash: importHash(imports),
    exportCount: exports.count,
    exportNames: exports.names,
    debugPath: readDebugPath(image),
    resources: resources && {
      count: resources.count,
      entropy: resources.entropy,
      executables: resources.executables,
    },
    overlay: describeOverlay(image, certificates),
    hasCertificateTable: certificates !== null,
    versionStrings: resources?.version ? readVersionStrings(resources.version) : new Map(),
  };
}

/**
 * The fields of file header and optional header, and what is counted over tables: `directory_<name>_size`,
 * `import_libraries`, `import_functions`, `entry_point_section` (index; absent where no section holds the entry point),
 * `writable_executable_sections`, and `rich_header` (1 where the linker left its mark).
 */
function readHeaderFields(image: PeImage, imports: readonly ImportedLibrary[]): Record<string, number> {
  const entryPoint = image.fields['address_of_entry_point'] ?? 0;
  const entrySection = entryPoint === 0 ? undefined : sectionAt(image, entryPoint);
  return {
    ...image.fields,
    ...Object.fromEntries(
      Object.entries(image.directories).map(([name, { size }]) => [`directory_${name}_size`, size]),
    ),
    import_libraries: imports.length,
    import_functions: imports.reduce((sum, { functions }) => sum + functions.length, 0),
    ...(entrySection && { entry_point_section: image.sections.indexOf(entrySection) }),
    writable_executable_sections: image.sections.filter(
      ({ characteristics }) => (characteristics & writableAndExecutable) >>> 0 === writableAndExecutable,
    ).length,
    rich_header: Number(hasRichHeader(image)),
  };
}

function hasRichHeader({ bytes }: PeImage): boolean {
  return bytes.subarray(64, bytes.readUInt32LE(60)).includes('Rich', 0, 'latin1');
}

/** Sections may overlap in a crafted file: entropy is computed only until as many bytes as the file has were read. */
function describeSections(image: PeImage): readonly SectionFacts[] {
  let left = image.bytes.length;
  return image.sections.map(({ name, rawOffset, rawSize, virtualSize }) => {
    const held = image.bytes.subarray(rawOffset, rawOffset + rawSize);
    const affordable = held.length <= left;
    if (affordable) left -= held.length;
    return {
      name,
      physicalSizeBytes: rawSize,
      virtualSizeBytes: virtualSize,
      entropy: affordable ? entropyOf(held) : undefined,
    };
  });
}

/** The security directory names a place in the file, not an address in memory. */
function certificateTable(image: PeImage): { readonly start: number; readonly end: number } | null {
  const { address = 0, size = 0 } = image.directories.security ?? {};
  if (address === 0 || size < 8 || !take(image.bytes, address, size)) return null;
  return { start: address, end: address + size };
}

function describeOverlay(
  { bytes, sections }: PeImage,
  certificates: ReturnType<typeof certificateTable>,
): PortableExecutable['overlay'] {
  const ends = sections
    .map(({ rawOffset, rawSize }) => rawOffset + rawSize)
    .filter((end) => end <= bytes.length);
  const start = ends.length === 0 ? bytes.length : Math.max(...ends);
  // Signers pad the table to a multiple of eight.
  const isSignedTail =
    certificates !== null && bytes.length - certificates.end < 8 && certificates.start >= start;
  const overlay = bytes.subarray(start, isSignedTail ? certificates.start : bytes.length);
  return { sizeBytes: overlay.length, entropy: entropyOf(overlay) };
}
