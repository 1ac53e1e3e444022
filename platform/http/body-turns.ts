import { FirebreakError } from '../../contracts/errors.ts';

/** Parsed and handled in one turn of the event loop: an ordinary batch, or some dozens of single reports. */
const bytesPerTurn = 65_536;

/**
 * Shares the event loop between those who send and everything else that runs in the process: in one turn of the loop
 * only so many bytes are parsed, the rest waits in the order of arrival. Without that a rush of requests is all taken up
 * at once, and nobody decides on them meanwhile.
 */
export class BodyTurns {
  readonly #mostWaitingBytes: number;
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = [];
  #waitingBytes = 0;
  #left = bytesPerTurn;
  #isTurning = false;

  constructor(mostWaitingBytes: number) {
    this.#mostWaitingBytes = mostWaitingBytes;
  }

  /**
   * Resolves when the body may be parsed.
   * @throws FB_OVERLOADED when more wait than memory is for
   */
  async take(bytes: number): Promise<void> {
    this.#turnSoon();
    if (this.#waiting.length === 0 && this.#left > 0) {
      this.#left -= bytes;
      return;
    }
    if (this.#waitingBytes + bytes > this.#mostWaitingBytes)
      throw new FirebreakError('FB_OVERLOADED', 'More requests wait than can be kept in memory.');
    this.#waitingBytes += bytes;
    await new Promise<void>((go) => this.#waiting.push({ bytes, go }));
  }

  #turnSoon(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(() => this.#turn());
  }

  #turn(): void {
    this.#isTurning = false;
    this.#left = bytesPerTurn;
    while (this.#left > 0) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      this.#left -= next.bytes;
      this.#waitingBytes -= next.bytes;
      next.go();
    }
    if (this.#left < bytesPerTurn) this.#turnSoon();
  }
}
