import { between, type Random } from '../random.ts';

/** Values at which parsers break: limits of widths and signs, small counts, marks of chains. */
const numbers = [
  0, 1, 2, 4, 8, 0x10, 0x40, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff,
];
const wide = [0x80000000, 0xfffffffe, 0xffffffff, 0xfffffffa, 0x80000001];
const mostMutations = 12;
/** Headers and tables stand at the ends of a file: most changes go there. */
const headBytes = 0x400;
const tailBytes = 0x100;

function place(bytes: Buffer, random: Random): number {
  const where = random();
  if (where < 0.5) return between(random, 0, Math.min(headBytes, bytes.length));
  if (where < 0.65) return between(random, Math.max(0, bytes.length - tailBytes), bytes.length);
  return between(random, 0, bytes.length);
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  return items[between(random, 0, items.length)] as Item;
}

/** A field of 1, 2 or 4 bytes, mostly where fields stand, becomes an extreme, an offset of the file or a neighbour of itself. */
function changeField(bytes: Buffer, random: Random): void {
  const width = pick([1, 2, 4] as const, random);
  const offset = Math.min(place(bytes, random) & ~(width - 1), Math.max(0, bytes.length - width));
  if (offset + width > bytes.length) return;
  const before = bytes.readUIntLE(offset, width);
  const kind = random();
  const value =
    kind < 0.4
      ? pick([...numbers, ...wide], random)
      : kind < 0.7
        ? between(random, 0, bytes.length + 64)
        : before + between(random, -4, 5);
  bytes.writeUIntLE(
    (((value % 2 ** (8 * width)) + 2 ** (8 * width)) % 2 ** (8 * width)) >>> 0,
    offset,
    width,
  );
}

function flipBit(bytes: Buffer, random: Random): void {
  const offset = place(bytes, random);
  if (offset < bytes.length) bytes[offset] = (bytes[offset] ?? 0) ^ (1 << between(random, 0, 8));
}

/** A stretch is written over another: tables point into themselves, entries repeat. */
function copyWithin(bytes: Buffer, random: Random): void {
  const length = between(random, 1, Math.min(256, bytes.length) + 1);
  const [from, to] = [place(bytes, random), place(bytes, random)];
  bytes.copy(bytes, to, from, Math.min(bytes.length, from + length));
}

function cut(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, between(random, 1, bytes.length + 1));
}

/** The tail of another file in the middle of this one. */
function splice(bytes: Buffer, other: Buffer, random: Random): Buffer {
  const head = bytes.subarray(0, between(random, 0, bytes.length + 1));
  return Buffer.concat([head, other.subarray(between(random, 0, other.length))]);
}

/** @returns another file, made of one or two of the given ones; the same random numbers make the same file */
export function mutate(seeds: readonly Buffer[], random: Random): Buffer {
  let bytes: Buffer = Buffer.from(pick(seeds, random));
  const mutations = between(random, 1, mostMutations + 1);
  for (let count = 0; count < mutations && bytes.length > 0; count += 1) {
    const kind = random();
    if (kind < 0.6) changeField(bytes, random);
    else if (kind < 0.8) flipBit(bytes, random);
    else if (kind < 0.92) copyWithin(bytes, random);
    else if (kind < 0.96) bytes = cut(bytes, random);
    else bytes = splice(bytes, pick(seeds, random), random);
  }
  return bytes;
}
