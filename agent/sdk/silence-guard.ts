/** Nothing arrived for too long. */
export class DeadConnection extends Error {
  constructor(cause: unknown) {
    super('Nothing arrives any more.', { cause });
    this.name = 'DeadConnection';
  }
}

/** Aborts a connection on which nothing arrives for too long. */
export class SilenceGuard {
  readonly signal: AbortSignal;
  isDead = false;
  readonly #controller = new AbortController();
  #patienceMs: number;
  #strict = true;
  #timer: NodeJS.Timeout;

  constructor(outer: AbortSignal, patienceMs: number) {
    this.#patienceMs = patienceMs;
    this.signal = AbortSignal.any([outer, this.#controller.signal]);
    this.#timer = this.#arm();
  }

  /** Something arrived. Counts only after `relax`: before, a certain thing is waited for. */
  alive(): void {
    if (this.#strict) return;
    clearTimeout(this.#timer);
    this.#timer = this.#arm();
  }

  relax(patienceMs: number): void {
    this.#strict = false;
    this.#patienceMs = patienceMs;
    this.alive();
  }

  async *watch(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.relax(this.#patienceMs);
    for await (const chunk of body) {
      this.alive();
      yield chunk;
    }
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#controller.abort();
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => {
      this.isDead = true;
      this.#controller.abort();
    }, this.#patienceMs);
  }
}
