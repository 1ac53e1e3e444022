import type { CompoundFile } from './compound-file.ts';

/** Every module of a macro project begins with its attributes; "Attribut" is where the packed text begins, after its flag byte. */
const moduleStart = Buffer.from('\0Attribut', 'latin1');
const mostModules = 64;
const largestStream = 4 * 1024 * 1024;
/** Entries of a crafted directory may all name one stream. */
const mostStreamBytes = 32 * 1024 * 1024;
const chunkBytes = 4096;

/** @returns whether the file carries a macro project */
export function hasMacros({ entries }: CompoundFile): boolean {
  return entries.some(
    ({ name, kind }) =>
      (kind === 'storage' && name === 'VBA') || (kind === 'stream' && name === '_VBA_PROJECT'),
  );
}

/**
 * The source text of the macro modules, where it is there: a project may carry compiled code alone.
 * @param limit bytes of all of them together
 */
export function readMacros(file: CompoundFile, limit: number): Buffer {
  const modules: Buffer[] = [];
  let left = limit;
  let leftToRead = mostStreamBytes;
  for (const entry of file.entries) {
    if (entry.kind !== 'stream' || modules.length === mostModules || left <= 0 || leftToRead <= 0) continue;
    const stream = file.readStream(entry, Math.min(largestStream, leftToRead));
    leftToRead -= stream.length;
    // A container (1), the head of its first chunk (2 bytes), its first flags (0): then the text.
    const start = stream.indexOf(moduleStart) - 3;
    if (start < 0 || stream[start] !== 1) continue;
    const text = decompress(stream.subarray(start + 1), left);
    left -= text.length;
    modules.push(text);
  }
  return Buffer.concat(modules);
}

/**
 * Unpacks chunks of a compressed container without its signature byte. Damage ends it early.
 * Source of the format: [MS-OVBA] 2.4.1.
 */
export function decompress(packed: Buffer, limit: number): Buffer {
  const chunks: Buffer[] = [];
  let [offset, left] = [0, limit];
  while (offset + 2 <= packed.length && left > 0) {
    const head = packed.readUInt16LE(offset);
    const end = Math.min(packed.length, offset + (head & 0xfff) + 3);
    const data = packed.subarray(offset + 2, end);
    const chunk = head >= 0x8000 ? decompressChunk(data) : data.subarray(0, chunkBytes);
    chunks.push(chunk.subarray(0, left));
    left -= chunk.length;
    offset = end;
  }
  return Buffer.concat(chunks);
}

function decompressChunk(data: Buffer): Buffer {
  const chunk = Buffer.alloc(chunkBytes);
  let [read, written] = [0, 0];
  while (read < data.length) {
    const flags = data[read] ?? 0;
    read += 1;
    for (let bit = 0; bit < 8 && read < data.length; bit += 1) {
      if ((flags & (1 << bit)) === 0) {
        if (written === chunkBytes) return chunk;
        chunk[written] = data[read] ?? 0;
        [read, written] = [read + 1, written + 1];
        continue;
      }
      if (read + 2 > data.length || written === 0) return chunk.subarray(0, written);
      const token = data.readUInt16LE(read);
      read += 2;
      // The more was written, the more bits of the token say how far back, and the fewer how much.
      const distanceBits = Math.max(4, Math.ceil(Math.log2(written)));
      const lengthMask = 0xffff >>> distanceBits;
      const length = (token & lengthMask) + 3;
      const distance = (token >>> (16 - distanceBits)) + 1;
      if (distance > written) return chunk.subarray(0, written);
      for (let copied = 0; copied < length && written < chunkBytes; copied += 1, written += 1) {
        chunk[written] = chunk[written - distance] ?? 0;
      }
    }
  }
  return chunk.subarray(0, written);
}
