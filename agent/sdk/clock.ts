import { toTimestamp, type Timestamp } from '../../contracts/ids.ts';

export interface ServerClockOptions {
  /** Milliseconds that only grow. Default `performance.now`. */
  readonly monotonicMs?: () => number;
  /** The device's own clock, which counts until the service has said its time. Default `Date.now`. */
  readonly wallMs?: () => number;
}

const observationsKept = 16;

/**
 * The service's time, on the device's monotonic clock: whoever sets the device's clock back does not make a block
 * outlive its expiry, nor die early. What the service says is old by the time it takes to arrive, so the largest of
 * the last offsets is the truest; it is also the one that counts after the device slept, while its monotonic clock
 * stood still.
 */
export class ServerClock {
  readonly #monotonicMs: () => number;
  readonly #wallMs: () => number;
  #offsets: readonly number[] = [];

  constructor(options: ServerClockOptions = {}) {
    this.#monotonicMs = options.monotonicMs ?? (() => performance.now());
    this.#wallMs = options.wallMs ?? Date.now;
  }

  /** @param serverMs what the service said just now, milliseconds since 1970 */
  observe(serverMs: number): void {
    this.#offsets = [...this.#offsets, serverMs - this.#monotonicMs()].slice(-observationsKept);
  }

  nowMs(): number {
    if (this.#offsets.length === 0) return this.#wallMs();
    return this.#monotonicMs() + Math.max(...this.#offsets);
  }

  now(): Timestamp {
    return toTimestamp(this.nowMs());
  }
}
