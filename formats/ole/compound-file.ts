import { take } from '../take.ts';

/**
 * Compound files (OLE): Office documents of the binary formats, macro projects, installer packages.
 * Source of the layout: [MS-CFB]. Chains of sectors are followed at most as far as the file has sectors.
 */
export interface CompoundEntry {
  readonly name: string;
  readonly kind: 'storage' | 'stream' | 'root';
  readonly sizeBytes: number;
  readonly startSector: number;
}

export interface CompoundFile {
  readonly entries: readonly CompoundEntry[];
  /** @returns at most `limit` bytes of a stream; fewer where its chain ends early */
  readStream(entry: CompoundEntry, limit: number): Buffer;
}

const signature = Buffer.from('d0cf11e0a1b11ae1', 'hex');
const headerBytes = 512;
const entryBytes = 128;
const mostEntries = 4096;
const miniSectorBytes = 64;
const miniCutoffBytes = 4096;
const largestSector = 0xfffffffa;
const largestHeaderTable = 109;

/** Sectors of one size that tables chain together. */
interface Chains {
  readonly bytes: Buffer;
  readonly sectorBytes: number;
  /** Where sector 0 begins. */
  readonly base: number;
  readonly next: readonly number[];
}

/** @returns null where the bytes are no compound file or its tables do not lie in it */
export function readCompoundFile(bytes: Buffer): CompoundFile | null {
  const header = take(bytes, 0, headerBytes);
  if (!header?.subarray(0, 8).equals(signature)) return null;
  const shift = header.readUInt16LE(30);
  if (shift !== 9 && shift !== 12) return null;
  const sectorBytes = 2 ** shift;
  const empty: Chains = { bytes, sectorBytes, base: sectorBytes, next: [] };
  const chains = { ...empty, next: readNumbers(empty, tableSectors(header, empty)) };
  let mini: Chains | undefined;
  const entries = readEntries(readChain(chains, header.readUInt32LE(48), mostEntries * entryBytes));
  const [root] = entries;
  if (root?.kind !== 'root') return null;
  return {
    entries,
    readStream: (entry, limit) => {
      const length = Math.min(limit, entry.sizeBytes);
      if (entry.sizeBytes >= miniCutoffBytes) return readChain(chains, entry.startSector, length);
      mini ??= miniChains(chains, header, root);
      return readChain(mini, entry.startSector, length);
    },
  };
}

/** Small streams share one stream, the root's, in sectors of 64 bytes with a table of their own. */
function miniChains(chains: Chains, header: Buffer, root: CompoundEntry): Chains {
  const table = readChain(chains, header.readUInt32LE(60), chains.bytes.length);
  const next = Array.from({ length: Math.floor(table.length / 4) }, (_, index) =>
    table.readUInt32LE(index * 4),
  );
  const container = readChain(chains, root.startSector, Math.min(root.sizeBytes, chains.bytes.length));
  return { bytes: container, sectorBytes: miniSectorBytes, base: 0, next };
}

/** The first 109 sectors of the table stand in the header, the others in a chain of their own. */
function tableSectors(header: Buffer, chains: Chains): readonly number[] {
  const sectors: number[] = [];
  for (let offset = 76; offset < headerBytes; offset += 4) sectors.push(header.readUInt32LE(offset));
  let more = header.readUInt32LE(68);
  // A table has an entry of four bytes for each sector of the file: crafted ones that claim more are cut.
  const most = Math.ceil((sectorCount(chains) * 4) / chains.sectorBytes);
  while (sectors.length < most + largestHeaderTable && more < largestSector) {
    const sector = readSector(chains, more);
    if (!sector || sector.length < chains.sectorBytes) break;
    for (let offset = 0; offset < sector.length - 4; offset += 4) sectors.push(sector.readUInt32LE(offset));
    more = sector.readUInt32LE(sector.length - 4);
  }
  return sectors.filter((sector) => sector < largestSector).slice(0, most);
}

function sectorCount({ bytes, sectorBytes }: Chains): number {
  return Math.ceil(bytes.length / sectorBytes);
}

/** The last sector of a file may be cut. */
function readSector({ bytes, sectorBytes, base }: Chains, sector: number): Buffer | null {
  const start = base + sector * sectorBytes;
  return start < bytes.length ? bytes.subarray(start, start + sectorBytes) : null;
}

function readNumbers(chains: Chains, sectors: readonly number[]): readonly number[] {
  const numbers: number[] = [];
  for (const sector of sectors) {
    const bytes = readSector(chains, sector);
    if (!bytes) break;
    for (let offset = 0; offset + 4 <= bytes.length; offset += 4) numbers.push(bytes.readUInt32LE(offset));
  }
  return numbers;
}

function readChain(chains: Chains, start: number, limit: number): Buffer {
  const parts: Buffer[] = [];
  let left = Math.min(limit, chains.bytes.length);
  let sector = start;
  for (let steps = sectorCount(chains); steps > 0 && left > 0; steps -= 1) {
    const bytes = sector < largestSector ? readSector(chains, sector) : null;
    if (!bytes) break;
    parts.push(bytes.subarray(0, left));
    left -= bytes.length;
    sector = chains.next[sector] ?? largestSector;
  }
  return Buffer.concat(parts);
}

function readEntries(directory: Buffer): readonly CompoundEntry[] {
  const entries: CompoundEntry[] = [];
  for (let offset = 0; offset + entryBytes <= directory.length; offset += entryBytes) {
    const entry = directory.subarray(offset, offset + entryBytes);
    const kind = ({ 1: 'storage', 2: 'stream', 5: 'root' } as const)[entry.readUInt8(66) as 1 | 2 | 5];
    if (kind === undefined) continue;
    const nameBytes = Math.min(64, Math.max(0, entry.readUInt16LE(64) - 2));
    entries.push({
      name: entry.toString('utf16le', 0, nameBytes - (nameBytes % 2)).toWellFormed(),
      kind,
      startSector: entry.readUInt32LE(116),
      sizeBytes: entry.readUInt32LE(120),
    });
  }
  return entries;
}
