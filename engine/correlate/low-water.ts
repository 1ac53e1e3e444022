/**
 * Which prefix of a partition is settled, when its records settle in any order: offsets are opened as they are read and
 * settled when their effects are in the log; everything below `mark` may be committed.
 */
export class LowWater {
  /** In the order in which they were read, which is ascending. */
  readonly #open = new Set<number>();
  #end: number;

  /** @param start the first offset that will be read */
  constructor(start: number) {
    this.#end = start;
  }

  /** A record was read. Offsets ascend; one that was opened before is ignored. */
  open(offset: number): void {
    if (offset < this.#end) return;
    this.#open.add(offset);
    this.#end = offset + 1;
  }

  /** Everything before `end` was read, whether it opened or not. */
  read(end: number): void {
    this.#end = Math.max(this.#end, end);
  }

  settle(offset: number): void {
    this.#open.delete(offset);
  }

  /** @returns the first offset that is not settled, or the end of what was read */
  mark(): number {
    for (const oldest of this.#open) return oldest;
    return this.#end;
  }

  /** Offsets that are open. */
  get pending(): number {
    return this.#open.size;
  }

  /** Offset after the last record read. */
  get end(): number {
    return this.#end;
  }
}
