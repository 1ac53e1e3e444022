import { inflateRawSync } from 'node:zlib';
import { take } from '../take.ts';

export interface ZipEntry {
  readonly name: string;
  /** 0 stored, 8 deflated; nothing else is unpacked. */
  readonly method: number;
  readonly isEncrypted: boolean;
  readonly packedBytes: number;
  /** As declared: an unpacked entry may differ. */
  readonly sizeBytes: number;
  readonly headerOffset: number;
}

const endMark = 0x06054b50;
const endBytes = 22;
const longestComment = 65_535;
const centralMark = 0x02014b50;
const centralBytes = 46;
const localMark = 0x04034b50;
const localBytes = 30;
const mostEntries = 4096;
const mostNameBytes = 1024;

/**
 * Lists an archive by its central directory, as programs that open it do.
 * @returns null where there is no such directory
 */
export function listZip(bytes: Buffer): readonly ZipEntry[] | null {
  const end = findEnd(bytes);
  if (end === null) return null;
  const directorySize = bytes.readUInt32LE(end + 12);
  // What stands before the archive (a self-extracting stub) shifts every offset by its length.
  const start = end - directorySize;
  const shift = start - bytes.readUInt32LE(end + 16);
  const entries: ZipEntry[] = [];
  let offset = start;
  while (entries.length < mostEntries) {
    const head = take(bytes, offset, centralBytes);
    if (head?.readUInt32LE(0) !== centralMark) break;
    const nameBytes = head.readUInt16LE(28);
    const name = take(bytes, offset + centralBytes, Math.min(nameBytes, mostNameBytes));
    if (!name) break;
    entries.push({
      name: name.toString((head.readUInt16LE(8) & 0x800) !== 0 ? 'utf8' : 'latin1'),
      method: head.readUInt16LE(10),
      isEncrypted: (head.readUInt16LE(8) & 1) !== 0,
      packedBytes: head.readUInt32LE(20),
      sizeBytes: head.readUInt32LE(24),
      headerOffset: head.readUInt32LE(42) + shift,
    });
    offset += centralBytes + nameBytes + head.readUInt16LE(30) + head.readUInt16LE(32);
  }
  return entries.length === 0 ? null : entries;
}

function findEnd(bytes: Buffer): number | null {
  const least = Math.max(0, bytes.length - endBytes - longestComment);
  const mark = Buffer.from('PK\x05\x06', 'latin1');
  let offset = bytes.lastIndexOf(mark);
  for (; offset >= least; offset = offset === 0 ? -1 : bytes.lastIndexOf(mark, offset - 1)) {
    const record = take(bytes, offset, endBytes);
    if (record?.readUInt32LE(0) === endMark && record.readUInt32LE(12) <= offset) return offset;
  }
  return null;
}

/**
 * Unpacks one entry.
 * @param limit bytes that it may have at most
 * @returns null where it is encrypted, damaged, packed in another way or larger than the limit
 */
export function unpackZipEntry(bytes: Buffer, entry: ZipEntry, limit: number): Buffer | null {
  const head = take(bytes, entry.headerOffset, localBytes);
  if (head?.readUInt32LE(0) !== localMark || entry.isEncrypted) return null;
  const start = entry.headerOffset + localBytes + head.readUInt16LE(26) + head.readUInt16LE(28);
  const packed = take(bytes, start, entry.packedBytes);
  if (!packed) return null;
  if (entry.method === 0) return packed.length <= limit ? packed : null;
  if (entry.method !== 8 || entry.sizeBytes > limit) return null;
  try {
    return inflateRawSync(packed, { maxOutputLength: limit });
  } catch {
    // Damaged, or larger than declared.
    return null;
  }
}
