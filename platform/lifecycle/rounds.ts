import { setTimeout as sleep } from 'node:timers/promises';

/** Work that is done again and again while a part runs, one round after the other, and keeps no process alive. */
export class Rounds {
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();

  /**
   * @param round what rejects in it ends the process: it tells by itself what may fail
   * @param everyMs between two rounds, and before the first one unless `atOnce`
   */
  start(round: () => Promise<void>, everyMs: number, atOnce = false): void {
    this.#running = this.#run(round, everyMs, atOnce);
  }

  /** Resolves when the round that is under way has ended; there is no further one. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(round: () => Promise<void>, everyMs: number, atOnce: boolean): Promise<void> {
    const { signal } = this.#stopping;
    if (atOnce) await round();
    for (;;) {
      await sleep(everyMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await round();
    }
  }
}
