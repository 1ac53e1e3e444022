import { take } from '../take.ts';
import { fileOffset, takeAt, textAt, type PeImage } from './image.ts';

export interface Exports {
  /** Addresses in the table that are not zero. */
  readonly count: number;
  /** The first names, as they stand. */
  readonly names: readonly string[];
}

const mostNames = 256;

/** Reads the export table; `count` is 0 where there is none or where it does not lie in the file. */
export function readExports(image: PeImage): Exports {
  const directory = image.directories.export;
  const table = directory && directory.address !== 0 ? takeAt(image, directory.address, 40) : null;
  if (!table) return { count: 0, names: [] };
  return { count: countAddresses(image, table), names: readNames(image, table) };
}

function countAddresses(image: PeImage, table: Buffer): number {
  const start = fileOffset(image, table.readUInt32LE(28));
  const addresses = start === null ? null : take(image.bytes, start, table.readUInt32LE(20) * 4);
  if (!addresses) return 0;
  let count = 0;
  for (let offset = 0; offset < addresses.length; offset += 4) {
    if (addresses.readUInt32LE(offset) !== 0) count += 1;
  }
  return count;
}

function readNames(image: PeImage, table: Buffer): readonly string[] {
  const most = Math.min(mostNames, table.readUInt32LE(24));
  const pointers = takeAt(image, table.readUInt32LE(32), most * 4);
  if (!pointers) return [];
  const names: string[] = [];
  for (let offset = 0; offset < pointers.length; offset += 4) {
    const name = textAt(image, pointers.readUInt32LE(offset));
    if (name === null) break;
    if (name !== '') names.push(name);
  }
  return names;
}
