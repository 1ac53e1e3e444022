const fnvOffsetBasis = 0x811c9dc5;
const fnvPrime = 0x01000193;
const encoder = new TextEncoder();

/**
 * The partition of a key, the same in every implementation of the log, so that topics with equal keys and equal
 * partition counts are split alike.
 *
 * FNV-1a over the UTF-8 bytes (http://www.isthe.com/chongo/tech/comp/fnv/, 32 bits), its bits mixed as in
 * MurmurHash3's finalizer because the low bits of FNV alone spread short keys badly, modulo the partition count.
 *
 * @param partitions how many there are, at least 1
 */
export function place(key: string, partitions: number): number {
  if (partitions === 1) return 0;
  let hash = fnvOffsetBasis;
  for (const byte of encoder.encode(key)) hash = Math.imul(hash ^ byte, fnvPrime);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) % partitions;
}
