/** Byte histogram of one or more stretches of a file, for their common entropy. */
export class ByteHistogram {
  readonly #counts = new Float64Array(256);
  #total = 0;

  add(bytes: Uint8Array): void {
    for (const byte of bytes) this.#counts[byte] = (this.#counts[byte] ?? 0) + 1;
    this.#total += bytes.length;
  }

  /** @returns Shannon entropy in bits per byte, 0…8; 0 where there is no byte */
  entropy(): number {
    let bits = 0;
    for (const count of this.#counts) {
      if (count > 0) bits -= (count / this.#total) * Math.log2(count / this.#total);
    }
    return Math.min(8, Math.max(0, bits));
  }
}

/** @returns Shannon entropy of the bytes in bits per byte, 0…8 */
export function entropyOf(bytes: Uint8Array): number {
  const histogram = new ByteHistogram();
  histogram.add(bytes);
  return histogram.entropy();
}
