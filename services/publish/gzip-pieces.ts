import { constants, crc32, deflateRaw } from 'node:zlib';
import { promisify } from 'node:util';

const deflate = promisify(deflateRaw);

/** Compressed text that can stand anywhere in a gzip file: whole bytes, no reference to what is before it. */
export interface GzipPiece {
  readonly deflated: Buffer;
  readonly crc: number;
  readonly sizeBytes: number;
}

/** Level 3: on entries, whose digests do not compress, level 6 takes three times as long and saves 2 %. */
export async function gzipPiece(text: string): Promise<GzipPiece> {
  const bytes = Buffer.from(text);
  const deflated = await deflate(bytes, { level: 3, finishFlush: constants.Z_FULL_FLUSH });
  return { deflated, crc: crc32(bytes), sizeBytes: bytes.length };
}

/** RFC 1952, section 2.3: deflate, no flags, no time, unknown system. */
export const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** Follows the check value and length of pieces, to end the gzip file that they make together. */
export class GzipEnd {
  #crc = 0;
  #sizeBytes = 0;

  add({ crc, sizeBytes }: GzipPiece): void {
    this.#crc = joinCrc(this.#crc, crc, sizeBytes);
    this.#sizeBytes = (this.#sizeBytes + sizeBytes) % 2 ** 32;
  }

  /** An empty last block, the check value, the length modulo 2^32. */
  bytes(): Buffer {
    const end = Buffer.from([0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0]);
    end.writeUInt32LE(this.#crc, 2);
    end.writeUInt32LE(this.#sizeBytes, 6);
    return end;
  }
}

/**
 * CRC-32 of two texts in a row out of theirs: the first is moved up by the length of the second, that is, multiplied by
 * x^(8 · length) modulo the polynomial. Polynomials over GF(2), bit-reversed as CRC-32 has them: x^0 is the top bit.
 */
function joinCrc(first: number, second: number, secondBytes: number): number {
  let shift = 0x80000000;
  let square = 0x00800000;
  for (let rest = secondBytes; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) shift = multiply(shift, square);
    square = multiply(square, square);
  }
  return (multiply(first, shift) ^ second) >>> 0;
}

function multiply(a: number, b: number): number {
  let product = 0;
  let term = b;
  for (let bit = 31; bit >= 0; bit -= 1) {
    if ((a >>> bit) & 1) product ^= term;
    term = term & 1 ? (term >>> 1) ^ 0xedb88320 : term >>> 1;
  }
  return product >>> 0;
}
