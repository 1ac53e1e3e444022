import { createHash } from 'node:crypto';
import { take } from '../take.ts';
import { takeAt, fileOffset, textAt, type PeImage } from './image.ts';

export interface ImportedLibrary {
  readonly library: string;
  /** Names as they stand; imports by ordinal are `ord<N>`. */
  readonly functions: readonly string[];
}

const descriptorBytes = 20;
/** Far above any real program; a crafted table ends here. */
const mostLibraries = 1024;
const mostFunctions = 65_536;
/** Linkers write such names; anything else is no import table but garbage that the directory points into. */
const libraryName = /^[\w .+\-@()$&!#%~{}'`^=,;[\]/\\]{1,255}$/u;
const functionName = /^[\w.?@$()<>]{1,511}$/u;

/**
 * Reads the import table. Delay imports are not counted, as in every published import hash.
 * @returns libraries in table order; empty where there is no table or it is garbage
 */
export function readImports(image: PeImage): readonly ImportedLibrary[] {
  const directory = image.directories.import;
  if (!directory || directory.address === 0) return [];
  const libraries: ImportedLibrary[] = [];
  let left = mostFunctions;
  for (let index = 0; index < mostLibraries && left > 0; index += 1) {
    const descriptor = takeAt(image, directory.address + index * descriptorBytes, descriptorBytes);
    if (!descriptor || descriptor.every((byte) => byte === 0)) break;
    const library = textAt(image, descriptor.readUInt32LE(12));
    if (library === null || !libraryName.test(library)) break;
    const lookupTable = descriptor.readUInt32LE(0);
    const addressTable = descriptor.readUInt32LE(16);
    const named = readThunks(image, lookupTable, left);
    const functions = named.length > 0 ? named : readThunks(image, addressTable, left);
    left -= functions.length;
    libraries.push({ library, functions });
  }
  return libraries;
}

function readThunks(image: PeImage, table: number, most: number): readonly string[] {
  const start = table === 0 ? null : fileOffset(image, table);
  if (start === null) return [];
  const width = image.is64Bit ? 8 : 4;
  const functions: string[] = [];
  for (let index = 0; index < most; index += 1) {
    const thunk = take(image.bytes, start + index * width, width);
    if (!thunk) break;
    const low = thunk.readUInt32LE(0);
    const high = thunk.readUInt32LE(width - 4);
    if (low === 0 && high === 0) break;
    const name = high >= 0x80000000 ? `ord${low % 0x10000}` : importedName(image, low);
    if (name === null) break;
    functions.push(name);
  }
  return functions;
}

/** Two bytes of hint stand before the name. */
function importedName(image: PeImage, address: number): string | null {
  const name = textAt(image, address + 2);
  return name !== null && functionName.test(name) ? name : null;
}

/** Published import hashes spell ordinals of these out as names, from tables that this agent does not ship. */
const librariesWithNamedOrdinals: ReadonlySet<string> = new Set(['ws2_32', 'wsock32', 'oleaut32']);

/**
 * The well-known import hash: MD5 over `library.function,…` in table order, all in lower case, the library without
 * `.dll`, `.ocx` or `.sys`, ordinals as `ordN`. Where the algorithm would need the ordinal tables of ws2_32, wsock32 or
 * oleaut32, which are not here, there is no hash: one that nobody else computes would relate to nothing.
 * Source: the algorithm published by Mandiant in 2014, as pefile implements it.
 * @returns 32 hexadecimal digits, or null where there is nothing to hash
 */
export function importHash(libraries: readonly ImportedLibrary[]): string | null {
  const parts: string[] = [];
  for (const { library, functions } of libraries) {
    const stem = library.toLowerCase().replace(/\.(?:dll|ocx|sys)$/u, '');
    for (const name of functions) {
      if (/^ord\d+$/u.test(name) && librariesWithNamedOrdinals.has(stem)) return null;
      parts.push(`${stem}.${name.toLowerCase()}`);
    }
  }
  return parts.length === 0 ? null : createHash('md5').update(parts.join(','), 'latin1').digest('hex');
}
