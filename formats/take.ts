/** @returns the stretch of the file, or null where it is not wholly inside */
export function take(bytes: Buffer, offset: number, length: number): Buffer | null {
  const inside = offset >= 0 && length >= 0 && offset + length <= bytes.length;
  return inside ? bytes.subarray(offset, offset + length) : null;
}
