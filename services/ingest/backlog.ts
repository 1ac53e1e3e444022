import { toEpochMs } from '../../contracts/ids.ts';
import type { Progress } from '../../contracts/records.ts';

interface Appended {
  /** The oldest report that may still be undecided was accepted then. */
  sinceMs: number;
  lastMs: number;
}

/** Nobody who is at work is silent for as long: without news, waiting is not blamed on load. */
const silenceMs = 5000;

/**
 * What this process appended and no correlator has yet said to have decided, by partition. Times in milliseconds since
 * 1970.
 */
export class Backlog {
  readonly #undecided = new Map<number, Appended>();
  readonly #progress = new Map<number, { readonly untilMs: number; readonly heardMs: number }>();

  appended(partition: number, acceptedAtMs: number): void {
    const undecided = this.#undecided.get(partition);
    if (undecided !== undefined) undecided.lastMs = Math.max(undecided.lastMs, acceptedAtMs);
    else if ((this.#progress.get(partition)?.untilMs ?? -Infinity) < acceptedAtMs)
      this.#undecided.set(partition, { sinceMs: acceptedAtMs, lastMs: acceptedAtMs });
  }

  progressed({ partition, decidedUntil }: Progress, nowMs: number): void {
    const untilMs = toEpochMs(decidedUntil);
    this.#progress.set(partition, { untilMs, heardMs: nowMs });
    const undecided = this.#undecided.get(partition);
    if (undecided === undefined) return;
    if (untilMs >= undecided.lastMs) this.#undecided.delete(partition);
    else undecided.sinceMs = Math.max(undecided.sinceMs, untilMs);
  }

  /** @returns the age of the oldest report that correlators at work have not come to; 0 when there is none */
  ageMs(nowMs: number): number {
    let ageMs = 0;
    for (const [partition, { sinceMs }] of this.#undecided) {
      const heardMs = this.#progress.get(partition)?.heardMs ?? -Infinity;
      if (nowMs - heardMs <= silenceMs) ageMs = Math.max(ageMs, nowMs - sinceMs);
    }
    return ageMs;
  }
}
