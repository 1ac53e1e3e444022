import { take } from '../take.ts';
import { takeAt, type PeImage } from './image.ts';

const entryBytes = 28;
const mostEntries = 16;
const codeView = 2;
const mostPathBytes = 260;

/**
 * The path of the symbol file that the linker wrote into the debug directory (CodeView, "RSDS").
 * @returns null where there is none
 */
export function readDebugPath(image: PeImage): string | null {
  const { address = 0, size = 0 } = image.directories.debug ?? {};
  if (address === 0) return null;
  const count = Math.min(mostEntries, Math.floor(size / entryBytes));
  for (let index = 0; index < count; index += 1) {
    const entry = takeAt(image, address + index * entryBytes, entryBytes);
    if (!entry) return null;
    if (entry.readUInt32LE(12) !== codeView) continue;
    const record = take(
      image.bytes,
      entry.readUInt32LE(24),
      Math.min(entry.readUInt32LE(16), 24 + mostPathBytes),
    );
    if (!record || record.length <= 24 || record.toString('latin1', 0, 4) !== 'RSDS') continue;
    const text = record.toString('utf8', 24).split('\0', 1)[0] ?? '';
    if (text !== '') return text.toWellFormed();
  }
  return null;
}
