import { entropyOf } from '../entropy.ts';
import { take } from '../take.ts';

/** What the headers of an ELF file say. Source of the layout: System V ABI, "Object Files". */
export interface ElfFile {
  readonly is64Bit: boolean;
  readonly isBigEndian: boolean;
  /** 2 program, 3 shared object or position-independent program, 1 object, 4 core. */
  readonly type: number;
  readonly machine: number;
  readonly sectionCount: number;
  readonly segments: readonly ElfSegment[];
  readonly interpreter: string | null;
  readonly entropy: number;
}

export interface ElfSegment {
  readonly type: number;
  readonly isWritable: boolean;
  readonly isExecutable: boolean;
  readonly sizeBytes: number;
  readonly holdsEntryPoint: boolean;
}

const interpreterSegment = 3;
const mostSegments = 128;
const mostInterpreterBytes = 4096;

/** Reads fields of either width and byte order from one structure that is wholly inside of the file. */
class FieldReader {
  readonly #bytes: Buffer;
  readonly #isBigEndian: boolean;
  readonly #is64Bit: boolean;

  constructor(bytes: Buffer, isBigEndian: boolean, is64Bit: boolean) {
    this.#bytes = bytes;
    this.#isBigEndian = isBigEndian;
    this.#is64Bit = is64Bit;
  }

  u16(offset: number): number {
    return this.#isBigEndian ? this.#bytes.readUInt16BE(offset) : this.#bytes.readUInt16LE(offset);
  }

  u32(offset: number): number {
    return this.#isBigEndian ? this.#bytes.readUInt32BE(offset) : this.#bytes.readUInt32LE(offset);
  }

  /** An address or offset: 4 or 8 bytes. */
  word(offset: number): number {
    if (!this.#is64Bit) return this.u32(offset);
    const [high, low] = this.#isBigEndian ? [0, 4] : [4, 0];
    return this.u32(offset + high) * 2 ** 32 + this.u32(offset + low);
  }
}

/** @returns null where the bytes are no ELF file or end inside of its header */
export function parseElf(bytes: Buffer): ElfFile | null {
  const identification = take(bytes, 0, 16);
  if (identification?.readUInt32BE(0) !== 0x7f454c46) return null;
  const is64Bit = identification[4] === 2;
  const isBigEndian = identification[5] === 2;
  const head = take(bytes, 0, is64Bit ? 64 : 52);
  if (!head) return null;
  const reader = new FieldReader(head, isBigEndian, is64Bit);
  const tail = is64Bit ? 52 : 40;
  const table = {
    start: reader.word(is64Bit ? 32 : 28),
    entryBytes: reader.u16(tail + 2),
    count: Math.min(mostSegments, reader.u16(tail + 4)),
    entryPoint: reader.word(24),
  };
  const { segments, interpreter } = readSegments(bytes, table, { is64Bit, isBigEndian });
  return {
    is64Bit,
    isBigEndian,
    type: reader.u16(16),
    machine: reader.u16(18),
    sectionCount: reader.u16(tail + 8),
    segments,
    interpreter,
    entropy: entropyOf(bytes),
  };
}

interface SegmentTable {
  readonly start: number;
  readonly entryBytes: number;
  readonly count: number;
  readonly entryPoint: number;
}

function readSegments(
  bytes: Buffer,
  { start, entryBytes, count, entryPoint }: SegmentTable,
  { is64Bit, isBigEndian }: Pick<ElfFile, 'is64Bit' | 'isBigEndian'>,
): Pick<ElfFile, 'segments' | 'interpreter'> {
  const segments: ElfSegment[] = [];
  let interpreter: string | null = null;
  const leastBytes = is64Bit ? 56 : 32;
  for (let index = 0; index < count && entryBytes >= leastBytes; index += 1) {
    const entry = take(bytes, start + index * entryBytes, leastBytes);
    if (!entry) break;
    const reader = new FieldReader(entry, isBigEndian, is64Bit);
    const flags = reader.u32(is64Bit ? 4 : 24);
    const address = reader.word(is64Bit ? 16 : 8);
    const sizeBytes = reader.word(is64Bit ? 32 : 16);
    const type = reader.u32(0);
    segments.push({
      type,
      isExecutable: (flags & 1) !== 0,
      isWritable: (flags & 2) !== 0,
      sizeBytes,
      holdsEntryPoint: type === 1 && entryPoint >= address && entryPoint < address + sizeBytes,
    });
    if (type !== interpreterSegment || sizeBytes > mostInterpreterBytes) continue;
    const text = take(bytes, reader.word(is64Bit ? 8 : 4), sizeBytes);
    interpreter ??= text?.toString('latin1').split('\0', 1)[0] ?? null;
  }
  return { segments, interpreter };
}
