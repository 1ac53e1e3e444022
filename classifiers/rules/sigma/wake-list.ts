/** Which rules of a set may match the event at hand: each once, however many literals woke it. Used again for each event. */
export class WakeList {
  /** The event in which each rule was woken last. */
  readonly #woken: Uint32Array;
  readonly #rules: Int32Array;
  #event = 0;
  #length = 0;
  #allowed: Uint8Array;

  /** @param size rules of the set */
  constructor(size: number) {
    this.#woken = new Uint32Array(size);
    this.#rules = new Int32Array(size);
    this.#allowed = new Uint8Array(size);
  }

  /** @param allowed one for each rule whose log source fits the event */
  begin(allowed: Uint8Array): void {
    this.#allowed = allowed;
    this.#length = 0;
    this.#event = (this.#event + 1) >>> 0;
    if (this.#event !== 0) return;
    this.#woken.fill(0);
    this.#event = 1;
  }

  add(rule: number): void {
    if (this.#woken[rule] === this.#event || this.#allowed[rule] !== 1) return;
    this.#woken[rule] = this.#event;
    this.#rules[this.#length] = rule;
    this.#length += 1;
  }

  get length(): number {
    return this.#length;
  }

  at(index: number): number {
    return this.#rules[index] ?? 0;
  }
}
