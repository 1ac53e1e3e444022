import { createRequire } from 'node:module';
import { Worker, type ResourceLimits, type TransferListItem } from 'node:worker_threads';

export interface WorkerPoolOptions<Request> {
  /** Module that a worker runs: it answers every request with one message, in order. */
  readonly url: URL;
  /** What every worker is asked first, and again after `prepare`. */
  readonly preparation: Request;
  readonly workers: number;
  /** How long one request may take, preparation apart. */
  readonly timeoutMs: number;
  /** Heap of one worker. */
  readonly memoryMb: number;
  /** Requests that wait for a worker; more are refused. */
  readonly mostWaiting: number;
}

export type PoolResult<Answer> =
  | { readonly outcome: 'answer'; readonly answer: Answer }
  | { readonly outcome: 'failed'; readonly reason: string };

interface Task<Request, Answer> {
  readonly request: Request;
  readonly transfer: readonly TransferListItem[];
  readonly timeoutMs: number;
  /** Absent for the preparation of a worker, whose answer says nothing. */
  readonly settle?: (result: PoolResult<Answer>) => void;
}

interface Seat<Request, Answer> {
  readonly worker: Worker;
  task: Task<Request, Answer> | null;
  timer: NodeJS.Timeout | undefined;
  isPrepared: boolean;
}

const preparationMs = 60_000;
const closing = 'The analysis is shutting down.';

/**
 * Threads that may hang, run out of memory or die of what they are given. A worker prepares, is idle or has one task. A task
 * that overstays its time or loses its worker fails, and its worker is ended; another takes the seat when there is work.
 * A worker that does not even get through its preparation fails one waiting task, so that no loop of deaths goes on.
 *
 * A thread inside of native code ends only when that code returns. It is left to itself meanwhile; beyond as many such
 * threads as there are seats, seats stay empty until one of them has ended.
 */
export class WorkerPool<Request, Answer> {
  readonly #options: WorkerPoolOptions<Request>;
  readonly #seats = new Set<Seat<Request, Answer>>();
  readonly #ending = new Set<Promise<unknown>>();
  readonly #waiting: Task<Request, Answer>[] = [];
  #preparation: Request;
  #isClosed = false;

  constructor(options: WorkerPoolOptions<Request>) {
    this.#options = options;
    this.#preparation = options.preparation;
    for (let count = 0; count < options.workers; count += 1) this.#fillSeat();
  }

  /** Replaces the preparation: each worker takes it before its next task. */
  prepare(preparation: Request): void {
    this.#preparation = preparation;
    for (const seat of this.#seats) {
      seat.isPrepared = false;
      this.#proceed(seat);
    }
  }

  /**
   * @param transfer what is handed over instead of copied
   * @returns an answer or why there is none; never rejects
   */
  run(
    request: Request,
    transfer: readonly TransferListItem[] = [],
    timeoutMs = this.#options.timeoutMs,
  ): Promise<PoolResult<Answer>> {
    if (this.#isClosed) return Promise.resolve({ outcome: 'failed', reason: closing });
    if (this.#waiting.length >= this.#options.mostWaiting) {
      return Promise.resolve({ outcome: 'failed', reason: 'Too many samples wait for their analysis.' });
    }
    return new Promise((settle) => {
      this.#waiting.push({ request, transfer, timeoutMs, settle });
      this.#proceedAll();
    });
  }

  /** Ends all threads; what waits or runs fails. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { settle } of this.#waiting.splice(0)) settle?.({ outcome: 'failed', reason: closing });
    for (const seat of [...this.#seats]) this.#vacate(seat, closing);
    await Promise.all(this.#ending);
  }

  #proceedAll(): void {
    const { workers } = this.#options;
    for (const seat of this.#seats) this.#proceed(seat);
    while (
      !this.#isClosed &&
      this.#waiting.length > 0 &&
      this.#seats.size < workers &&
      this.#seats.size + this.#ending.size < 2 * workers
    ) {
      this.#fillSeat();
    }
  }

  #proceed(seat: Seat<Request, Answer>): void {
    if (seat.task !== null || !this.#seats.has(seat)) return;
    if (!seat.isPrepared) {
      seat.isPrepared = true;
      this.#start(seat, { request: this.#preparation, transfer: [], timeoutMs: preparationMs });
      return;
    }
    const task = this.#waiting.shift();
    if (task !== undefined) this.#start(seat, task);
  }

  #start(seat: Seat<Request, Answer>, task: Task<Request, Answer>): void {
    const { request, transfer, timeoutMs } = task;
    seat.task = task;
    seat.timer = setTimeout(() => {
      this.#lose(seat, `The analysis took longer than ${timeoutMs} ms.`);
    }, timeoutMs);
    try {
      seat.worker.postMessage(request, transfer);
    } catch (error) {
      // What cannot be handed over, a buffer that was transferred before, is the request's fault.
      this.#finish(seat, { outcome: 'failed', reason: `The sample cannot be handed over: ${String(error)}` });
    }
  }

  #finish(seat: Seat<Request, Answer>, result: PoolResult<Answer>): void {
    clearTimeout(seat.timer);
    const { task } = seat;
    seat.task = null;
    task?.settle?.(result);
    this.#proceed(seat);
  }

  #fillSeat(): void {
    const { url, memoryMb } = this.#options;
    const worker = startWorker(url, { maxOldGenerationSizeMb: memoryMb });
    const seat: Seat<Request, Answer> = { worker, task: null, timer: undefined, isPrepared: false };
    this.#seats.add(seat);
    worker.on('message', (answer: Answer) => {
      if (this.#seats.has(seat)) this.#finish(seat, { outcome: 'answer', answer });
    });
    worker.on('error', (error) => this.#lose(seat, reasonOf(error, memoryMb)));
    worker.on('exit', (code) => this.#lose(seat, `The analysis ended unexpectedly (exit code ${code}).`));
    this.#proceed(seat);
  }

  /** Called for every way in which a worker may end; the first counts. */
  #lose(seat: Seat<Request, Answer>, reason: string): void {
    if (!this.#seats.has(seat)) return;
    const wasPreparing = seat.task !== null && seat.task.settle === undefined;
    this.#vacate(seat, reason);
    if (wasPreparing) this.#waiting.shift()?.settle?.({ outcome: 'failed', reason });
    this.#proceedAll();
  }

  #vacate(seat: Seat<Request, Answer>, reason: string): void {
    this.#seats.delete(seat);
    clearTimeout(seat.timer);
    seat.task?.settle?.({ outcome: 'failed', reason });
    const ending = seat.worker.terminate().finally(() => {
      this.#ending.delete(ending);
      this.#proceedAll();
    });
    this.#ending.add(ending);
  }
}

/** Where the sources run as they are, a thread has to be told how to read them: it does not inherit that. */
function startWorker(url: URL, resourceLimits: ResourceLimits): Worker {
  if (!url.pathname.endsWith('.ts')) return new Worker(url, { resourceLimits });
  const api = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/\.cjs$/u, '.mjs');
  const code = `import(${JSON.stringify(api)}).then(({ register }) => { register(); return import(${JSON.stringify(url.href)}); });`;
  return new Worker(code, { eval: true, resourceLimits, execArgv: [] });
}

function reasonOf(error: unknown, memoryMb: number): string {
  const code = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  return code === 'ERR_WORKER_OUT_OF_MEMORY'
    ? `The analysis needed more than ${memoryMb} MB of memory.`
    : `The analysis ended with an error: ${String(error).slice(0, 200)}`;
}
