import { take } from '../take.ts';

/** What a shortcut starts. Source of the layout: [MS-SHLLINK]. */
export interface Shortcut {
  readonly description: string | null;
  readonly relativePath: string | null;
  readonly workingDirectory: string | null;
  readonly commandLine: string | null;
  readonly iconLocation: string | null;
  /** From its location information, where it names a local file. */
  readonly localPath: string | null;
  /** 1 ordinary, 3 maximized, 7 minimized. */
  readonly showCommand: number;
  /** What follows the shortcut's own structures. */
  readonly trailingBytes: number;
}

const headerBytes = 76;
const classId = Buffer.from('0114020000000000c000000000000046', 'hex');
const hasTargetIds = 0x01;
const hasLinkInfo = 0x02;
const isUnicode = 0x80;
/** The texts stand one after the other, each only where its flag is set. */
const texts = [
  ['description', 0x04],
  ['relativePath', 0x08],
  ['workingDirectory', 0x10],
  ['commandLine', 0x20],
  ['iconLocation', 0x40],
] as const;
const mostBlocks = 64;

/** @returns null where the bytes are no shortcut or end inside of its header */
export function parseLnk(bytes: Buffer): Shortcut | null {
  const header = take(bytes, 0, headerBytes);
  if (header?.readUInt32LE(0) !== headerBytes || !header.subarray(4, 20).equals(classId)) return null;
  const flags = header.readUInt32LE(20);
  let offset = headerBytes;
  if ((flags & hasTargetIds) !== 0) offset += 2 + (take(bytes, offset, 2)?.readUInt16LE(0) ?? 0);
  let localPath: string | null = null;
  if ((flags & hasLinkInfo) !== 0) {
    const size = take(bytes, offset, 4)?.readUInt32LE(0) ?? 0;
    localPath = readLocalPath(take(bytes, offset, size));
    offset += Math.max(4, size);
  }
  const found: Record<string, string | null> = {};
  for (const [name, flag] of texts) {
    if ((flags & flag) === 0) continue;
    const characters = take(bytes, offset, 2)?.readUInt16LE(0);
    const length = (characters ?? 0) * ((flags & isUnicode) === 0 ? 1 : 2);
    const text = characters === undefined ? null : take(bytes, offset + 2, length);
    if (!text) break;
    found[name] = text.toString((flags & isUnicode) === 0 ? 'latin1' : 'utf16le').toWellFormed();
    offset += 2 + length;
  }
  return {
    description: found['description'] ?? null,
    relativePath: found['relativePath'] ?? null,
    workingDirectory: found['workingDirectory'] ?? null,
    commandLine: found['commandLine'] ?? null,
    iconLocation: found['iconLocation'] ?? null,
    localPath,
    showCommand: header.readUInt32LE(60),
    trailingBytes: Math.max(0, bytes.length - skipBlocks(bytes, offset)),
  };
}

function readLocalPath(info: Buffer | null): string | null {
  if (!info || info.length < 20 || (info.readUInt32LE(8) & 1) === 0) return null;
  const start = info.readUInt32LE(16);
  const end = info.indexOf(0, start);
  return start >= info.length || end < 0 ? null : info.toString('latin1', start, end);
}

/** @returns where the extra blocks end: a size below 4 closes them */
function skipBlocks(bytes: Buffer, start: number): number {
  let offset = start;
  for (let index = 0; index < mostBlocks; index += 1) {
    const size = take(bytes, offset, 4)?.readUInt32LE(0);
    if (size === undefined) return offset;
    if (size < 4) return offset + 4;
    offset += size;
  }
  return offset;
}
