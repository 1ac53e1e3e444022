import { setTimeout as sleep } from 'node:timers/promises';
import { pauseAll, sendAll, type Target } from './target.ts';

/** Something that runs as a process, or as several. */
export interface Kept {
  readonly name: string;
  /** Of what runs now. */
  readonly pids: () => readonly number[];
  /** Resolves when what runs now is gone. */
  readonly exited: () => Promise<unknown>;
  /** Ends what may be left and starts it again on the same data and port. */
  readonly restart: () => Promise<void>;
  /** What it wrote last. */
  readonly lastWords: () => string;
}

const crashPauseMs = 1_000;
const mostAttempts = 60;

/**
 * Keeps one target running, as Docker and systemd do:
 *
 *   running ──kill()──▶ away, for as long as was asked ──start──▶ running
 *      └──it ends by itself──▶ noted as a crash ──after a second, again and again──▶ running
 */
export class Keeper implements Target {
  readonly name: string;
  readonly #kept: Kept;
  readonly #onCrash: (text: string) => void;
  #awayMs: number | null = null;
  #isRunning = true;
  #stopped = false;

  constructor(kept: Kept, onCrash: (text: string) => void) {
    this.name = kept.name;
    this.#kept = kept;
    this.#onCrash = onCrash;
    void this.#watch();
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** SIGKILL; resolves when it runs again. */
  async kill(awayMs: number): Promise<void> {
    this.#awayMs = awayMs;
    this.#isRunning = false;
    sendAll(this.#kept.pids(), 'SIGKILL');
    while (!this.#isRunning && !this.#stopped) await sleep(50);
  }

  /** SIGSTOP, and SIGCONT after a while. */
  async pause(forMs: number): Promise<void> {
    await pauseAll(this.#kept.pids(), forMs);
  }

  /** Lets it go: from now on its end is nobody's business. */
  stop(): void {
    this.#stopped = true;
  }

  async #watch(): Promise<void> {
    for (;;) {
      await this.#kept.exited();
      if (this.#stopped) return;
      this.#isRunning = false;
      if (this.#awayMs === null) this.#onCrash(`${this.name} ended by itself: ${this.#kept.lastWords()}`);
      await sleep(this.#awayMs ?? crashPauseMs);
      this.#awayMs = null;
      await this.#start();
      this.#isRunning = true;
    }
  }

  async #start(): Promise<void> {
    for (let attempt = 1; !this.#stopped; attempt += 1) {
      try {
        await this.#kept.restart();
        return;
      } catch (error) {
        // What it stands on may be away just now; it is tried again, as a service manager would.
        if (attempt >= mostAttempts) {
          this.#onCrash(`${this.name} did not start again: ${String(error)}`);
          this.#stopped = true;
        } else await sleep(crashPauseMs);
      }
    }
  }
}
