/**
 * Which prefix of a partition is settled, when its records settle in any order: offsets are opened as they are read and
 * settled when their effects are in the log; everything below `mark` may be committed.
 */
export class LowWater {
  /** Open and settled offsets from the mark on, in the order in which they were read, which is ascending. */
  #offsets: number[] = [];
  #head = 0;
  readonly #settled = new Set<number>();
  #end: number;

  /** @param start the first offset that will be read */
  constructor(start: number) {
    this.#end = start;
  }

  /** A record was read. Offsets ascend; one that was opened before is ignored. */
  open(offset: number): void {
    if (offset < this.#end) return;
    this.#offsets.push(offset);
    this.#end = offset + 1;
  }

  /** Everything before `end` was read, whether it opened or not. */
  read(end: number): void {
    this.#end = Math.max(this.#end, end);
  }

  settle(offset: number): void {
    this.#settled.add(offset);
  }

  /** @returns the first offset that is not settled, or the end of what was read */
  mark(): number {
    for (;;) {
      const offset = this.#offsets[this.#head];
      if (offset === undefined) break;
      if (!this.#settled.delete(offset)) {
        this.#forget();
        return offset;
      }
      this.#head += 1;
    }
    this.#offsets = [];
    this.#head = 0;
    return this.#end;
  }

  /** Lets go of what lies before the head; seldom, as it copies the rest. */
  #forget(): void {
    if (this.#head < 1024 || 2 * this.#head < this.#offsets.length) return;
    this.#offsets = this.#offsets.slice(this.#head);
    this.#head = 0;
  }

  /** Open or settled but behind an open one. */
  get pending(): number {
    return this.#offsets.length - this.#head;
  }

  /** Offset after the last record read. */
  get end(): number {
    return this.#end;
  }
}
