import { ByteHistogram } from '../entropy.ts';
import { readImage, takeAt, type PeImage } from './image.ts';

export interface Resources {
  readonly count: number;
  /** Those that begin as an executable does. */
  readonly executables: number;
  /** Bits per byte over the bytes of all resources together. */
  readonly entropy: number;
  /** Bytes of the first version resource. */
  readonly version: Buffer | null;
}

interface Leaf {
  readonly type: number;
  readonly address: number;
  readonly size: number;
}

const versionType = 16;
const levels = 3;
/** Far above any real program; crafted trees with shared branches end here. */
const mostNodes = 16_384;

function collectLeaves(image: PeImage, root: number): readonly Leaf[] {
  const leaves: Leaf[] = [];
  let left = mostNodes;
  const walk = (offset: number, level: number, type: number): void => {
    const header = takeAt(image, root + offset, 16);
    if (!header) return;
    const entries = header.readUInt16LE(12) + header.readUInt16LE(14);
    for (let index = 0; index < entries && left > 0; index += 1) {
      left -= 1;
      const entry = takeAt(image, root + offset + 16 + index * 8, 8);
      if (!entry) return;
      const target = entry.readUInt32LE(4);
      const entryType = level === 0 ? entry.readUInt32LE(0) : type;
      if (target >= 0x80000000) {
        if (level + 1 < levels) walk(target - 0x80000000, level + 1, entryType);
        continue;
      }
      const data = takeAt(image, root + target, 16);
      if (data) leaves.push({ type: entryType, address: data.readUInt32LE(0), size: data.readUInt32LE(4) });
    }
  };
  walk(0, 0, 0);
  return leaves;
}

/** Walks the resource tree. Overlapping resources are weighed only until as many bytes as the file has were read. */
export function readResources(image: PeImage): Resources | null {
  const directory = image.directories.resource;
  if (!directory || directory.address === 0) return null;
  const leaves = collectLeaves(image, directory.address);
  const histogram = new ByteHistogram();
  let left = image.bytes.length;
  let version: Buffer | null = null;
  let executables = 0;
  for (const { type, address, size } of leaves) {
    const bytes = size <= left ? takeAt(image, address, size) : null;
    if (!bytes) continue;
    left -= size;
    histogram.add(bytes);
    if (readImage(bytes).outcome === 'image') executables += 1;
    if (type === versionType) version ??= bytes;
  }
  return { count: leaves.length, executables, entropy: histogram.entropy(), version };
}
