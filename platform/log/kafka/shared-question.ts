/**
 * A question that many ask at once: one is under way at a time, and all who ask meanwhile share the next one. Every
 * answer is from after its question was asked.
 */
export class SharedQuestion<Answer> {
  readonly #ask: () => Promise<Answer>;
  #running: Promise<unknown> | undefined;
  #next: Promise<Answer> | undefined;

  constructor(ask: () => Promise<Answer>) {
    this.#ask = ask;
  }

  ask(): Promise<Answer> {
    if (this.#running === undefined) return this.#begin();
    return (this.#next ??= this.#running.then(() => {
      this.#next = undefined;
      return this.#begin();
    }));
  }

  #begin(): Promise<Answer> {
    const asked = this.#ask();
    const running = asked
      .catch(() => undefined)
      .then(() => {
        if (this.#running === running) this.#running = undefined;
      });
    this.#running = running;
    return asked;
  }
}
