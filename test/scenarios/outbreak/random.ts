import { sha256Hex } from '../../../contracts/canonical.ts';

/** Chance that repeats: the same seed writes the same recording. Slow, and only for writing recordings. */
export class SeededRandom {
  readonly #seed: string;
  #drawn = 0;

  constructor(seed: string) {
    this.#seed = seed;
  }

  /** @returns a number in [0, 1) */
  next(): number {
    this.#drawn += 1;
    return Number.parseInt(sha256Hex(`${this.#seed} ${this.#drawn}`).slice(0, 8), 16) / 2 ** 32;
  }

  /** @returns an integer in [from, to] */
  integer(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[this.integer(0, items.length - 1)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }
}
