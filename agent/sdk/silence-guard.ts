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

  /** The same as `chunks`, where every chunk proves that the connection lives. */
  async *watch(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    this.relax(this.#patienceMs);
    for await (const chunk of this.chunks(body)) {
      this.alive();
      yield chunk;
    }
  }

  /**
   * The chunks of an answer until it ends or the signal fires. `fetch` forgets its signal once its request has been
   * collected as garbage, which a stream outlives (undici of Node 20 holds it by a weak reference): so the body itself
   * is cancelled.
   */
  async *chunks(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
    const reader = body.getReader();
    const cancel = (): void => void reader.cancel().catch(() => undefined);
    this.signal.addEventListener('abort', cancel, { once: true });
    try {
      for (;;) {
        const { done, value } = await reader.read();
        this.signal.throwIfAborted();
        if (done) return;
        yield value;
      }
    } finally {
      this.signal.removeEventListener('abort', cancel);
      cancel();
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
