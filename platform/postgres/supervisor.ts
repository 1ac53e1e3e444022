import { setTimeout as sleep } from 'node:timers/promises';
import type { ServerProcess } from './server-process.ts';

export type SupervisorNotice =
  /** The server died while we ran; it is being started again. */
  | { readonly kind: 'died'; readonly log: readonly string[] }
  | { readonly kind: 'restarted'; readonly afterMs: number }
  | { readonly kind: 'restart-failed'; readonly error: unknown };

const pauseMs = 1_000;

/**
 * Keeps one server running.
 *
 * running → (it exits) → restarting → running; either → (stop) → stopped, which is final.
 */
export class Supervisor {
  readonly #start: () => Promise<ServerProcess>;
  readonly #notify: (notice: SupervisorNotice) => void;
  readonly #stopping = new AbortController();
  readonly #watching: Promise<void>;
  #server: ServerProcess;

  constructor(
    server: ServerProcess,
    start: () => Promise<ServerProcess>,
    notify: (notice: SupervisorNotice) => void,
  ) {
    this.#server = server;
    this.#start = start;
    this.#notify = notify;
    this.#watching = this.#watch();
  }

  get pid(): number {
    return this.#server.pid;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#server.stop();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    for (;;) {
      await this.#server.exited;
      if (this.#stopping.signal.aborted) return;
      this.#notify({ kind: 'died', log: this.#server.lines() });
      await this.#restart();
    }
  }

  async #restart(): Promise<void> {
    const diedAt = performance.now();
    while (!this.#stopping.signal.aborted) {
      try {
        this.#server = await this.#start();
        if (this.#stopping.signal.aborted) await this.#server.stop();
        else this.#notify({ kind: 'restarted', afterMs: Math.round(performance.now() - diedAt) });
        return;
      } catch (error) {
        this.#notify({ kind: 'restart-failed', error });
        await sleep(pauseMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
      }
    }
  }
}
