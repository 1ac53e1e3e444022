import { setTimeout as sleep } from 'node:timers/promises';
import { familyOf } from '../servers/process-family.ts';
import { pauseAll, sendAll, type Target } from './target.ts';

const patienceMs = 120_000;
const pollMs = 100;

/** The built-in PostgreSQL: who launched it starts it again at once when it dies. */
export class PostgresTarget implements Target {
  readonly #postmaster: () => number | null;

  /** @param postmaster its process id now; null while there is none */
  constructor(postmaster: () => number | null) {
    this.#postmaster = postmaster;
  }

  /** The postmaster alone: its backends notice, as in a crash. */
  async kill(): Promise<void> {
    const killed = await this.#running();
    sendAll([killed], 'SIGKILL');
    while ((await this.#running()) === killed) await sleep(pollMs);
  }

  /** With all its backends. */
  async pause(forMs: number): Promise<void> {
    await pauseAll(
      familyOf(await this.#running()).map(({ pid }) => pid),
      forMs,
    );
  }

  async #running(): Promise<number> {
    const giveUpAt = performance.now() + patienceMs;
    while (performance.now() < giveUpAt) {
      const pid = this.#postmaster();
      if (pid !== null && sendAll([pid], 0)) return pid;
      await sleep(pollMs);
    }
    throw new Error(`PostgreSQL did not run within ${patienceMs} ms.`);
  }
}
