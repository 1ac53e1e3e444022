import type { AcceptedReport } from '../../contracts/records.ts';
import type { Origin } from './view.ts';
import type { Waiter, Waiters } from './waiters.ts';

export type HoldOutcome = 'decided' | 'timed-out' | 'left';

/**
 * One held request: the reports in it that have no verdict yet. Open → every one is settled, the time is up, or the
 * caller left. Registered before the append and asked to look again after it, so that no decision falls between.
 */
export class Hold {
  readonly #waiters: Pick<Waiters, 'add' | 'remove'>;
  readonly #open = new Map<AcceptedReport, Waiter>();
  readonly #origins = new Map<AcceptedReport, Origin>();
  #onDecided: (() => void) | null = null;

  constructor(waiters: Pick<Waiters, 'add' | 'remove'>) {
    this.#waiters = waiters;
  }

  /** @returns false, with nobody of this request waiting any more, when there are too many waiters */
  addAll(reports: readonly AcceptedReport[]): boolean {
    for (const report of reports) {
      const { artifactKey: key, tenantId, deviceId } = report;
      const waiter = {
        key,
        tenantId,
        deviceId,
        settle: (origin: Origin | null) => this.#settle(report, origin),
      };
      if (!this.#waiters.add(waiter)) {
        this.close();
        return false;
      }
      this.#open.set(report, waiter);
    }
    return true;
  }

  /** Settles what is found to be decided already. */
  lookAgain(isDecided: (report: AcceptedReport) => boolean): void {
    for (const [report, waiter] of this.#open) {
      if (!isDecided(report)) continue;
      this.#waiters.remove(waiter);
      this.#settle(report, null);
    }
  }

  async wait(timeMs: number, signal: AbortSignal): Promise<HoldOutcome> {
    if (this.#open.size === 0) return 'decided';
    if (signal.aborted) return 'left';
    return new Promise((resolve) => {
      const end = (outcome: HoldOutcome) => {
        clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        resolve(outcome);
      };
      const onAbort = () => end('left');
      const timer = setTimeout(() => end('timed-out'), timeMs);
      signal.addEventListener('abort', onAbort);
      this.#onDecided = () => end('decided');
    });
  }

  /** Whose report decided it, where it was one of this device. */
  originOf(report: AcceptedReport): Origin | undefined {
    return this.#origins.get(report);
  }

  /** Lets go of what still waits. */
  close(): void {
    for (const waiter of this.#open.values()) this.#waiters.remove(waiter);
    this.#open.clear();
  }

  #settle(report: AcceptedReport, origin: Origin | null): void {
    this.#open.delete(report);
    if (origin !== null) this.#origins.set(report, origin);
    if (this.#open.size === 0) this.#onDecided?.();
  }
}
