/** FNV-1a over bytes, 32 bits. Source: RFC 9923, offset basis and prime for 32 bits. */
export const FNV_OFFSET = 0x811c9dc5;
const fnvPrime = 0x01000193;

export function hashByte(hash: number, byte: number): number {
  return Math.imul(hash ^ byte, fnvPrime);
}

/** Adds a 32-bit value, byte by byte, lowest first. */
export function hashWord(hash: number, word: number): number {
  return hashByte(
    hashByte(hashByte(hashByte(hash, word & 255), (word >>> 8) & 255), (word >>> 16) & 255),
    word >>> 24,
  );
}

/** Adds the UTF-16 code units of a text, lowest byte of each: texts here are names in ASCII. */
export function hashText(hash: number, text: string): number {
  let result = hash;
  for (let index = 0; index < text.length; index++) result = hashByte(result, text.charCodeAt(index) & 255);
  return result;
}

/** Spreads the entropy of all bits over the low ones (finalizer of MurmurHash3, 32 bits). */
export function finish(hash: number): number {
  let result = hash ^ (hash >>> 16);
  result = Math.imul(result, 0x85ebca6b);
  result ^= result >>> 13;
  result = Math.imul(result, 0xc2b2ae35);
  return (result ^ (result >>> 16)) >>> 0;
}
