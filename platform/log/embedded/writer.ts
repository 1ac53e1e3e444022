import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../../../contracts/errors.ts';
import type { Position } from '../log.ts';
import {
  StoreFailure,
  type BatchStore,
  type Flush,
  type StoredCommit,
  type StoredEnd,
} from './batch-store.ts';
import { buildFlush, type AppendCall, type AppendItem, type BuiltFlush } from './flush-builder.ts';
import type { GroupOffsets, WaitingCommit } from './group-offsets.ts';
import { TailBudget } from './partition.ts';

export type WriterEvent =
  /** The database is away; appends wait. */
  | { readonly kind: 'away'; readonly error: unknown }
  | { readonly kind: 'back'; readonly afterMs: number }
  /** The database refused a flush for a reason of its own, such as a full disk. */
  | { readonly kind: 'refused'; readonly error: unknown }
  /** Another process has taken over; nothing can be appended any more. */
  | { readonly kind: 'fenced' };

export interface WriterOptions {
  readonly now: () => number;
  readonly maxQueueBytes: number;
  readonly maxFlushBytes: number;
  /** What all partitions keep in memory for their consumers. */
  readonly tailBytes: number;
  /** How long a commit of offsets waits at most for appends to ride with. */
  readonly commitDelayMs: number;
  /** How long appends wait while the database is away before they are refused. */
  readonly patienceMs: number;
  readonly onEvent: (event: WriterEvent) => void;
}

/** Who waits for the flush that is being written. */
interface InFlight {
  readonly calls: readonly AppendCall[];
  readonly commits: readonly WaitingCommit[];
  /** All who waited have been refused already. */
  isAbandoned: boolean;
}

const firstPauseMs = 20;
const longestPauseMs = 1_000;

/**
 * The one writer: it owns the ends of all partitions, and commits together what queued while the last commit was
 * under way. Consumers see a record only after its commit.
 *
 * open → (connection lost) → away → (recovered) → open
 * away for longer than the patience: what waits is refused, and so is everything new until it is back
 * any → (another writer) → fenced; any → close → closed; both are final
 */
export class Writer {
  readonly #store: Pick<BatchStore, 'write' | 'recover'>;
  readonly #offsets: GroupOffsets;
  readonly #options: WriterOptions;
  readonly #tails: TailBudget;
  readonly #giveUp = new AbortController();
  #mode: 'open' | 'away' | 'fenced' | 'closed' = 'open';
  #isClosing = false;
  #isOutOfPatience = false;
  #queue: AppendCall[] = [];
  #queuedBytes = 0;
  #inFlight: InFlight | undefined;
  #commitTimer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;

  constructor(store: Pick<BatchStore, 'write' | 'recover'>, offsets: GroupOffsets, options: WriterOptions) {
    this.#store = store;
    this.#offsets = offsets;
    this.#options = options;
    this.#tails = new TailBudget(options.tailBytes);
  }

  async append(items: readonly AppendItem[]): Promise<readonly Position[]> {
    this.#refuseUnlessUsable();
    if (items.length === 0) return [];
    let bytes = 0;
    for (const { sized } of items) bytes += sized.frameBytes;
    if (this.#queue.length > 0 && this.#queuedBytes + bytes > this.#options.maxQueueBytes) {
      throw new FirebreakError('FB_LOG_FULL', `The log has ${this.#queuedBytes} bytes queued.`, {
        retryAfterMs: 1_000,
      });
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ items, bytes, resolve, reject });
      this.#queuedBytes += bytes;
      this.#run();
    });
  }

  /** Rides with the next flush, at most `commitDelayMs` from now. */
  async commit(commit: StoredCommit): Promise<void> {
    this.#refuseUnlessUsable();
    this.#commitTimer ??= setTimeout(() => this.#run(), this.#options.commitDelayMs);
    return this.#offsets.add(commit);
  }

  /** To be told when the store loses its connection; while a write is under way, the write finds out itself. */
  connectionLost(error: unknown): void {
    if (this.#mode === 'open' && this.#running === undefined)
      this.#start(async () => void (await this.#recover(error)));
  }

  /** Writes what is queued, then takes no more. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#isOutOfPatience) this.#giveUp.abort();
    this.#run();
    while (this.#running !== undefined) await this.#running;
    if (this.#mode !== 'fenced') this.#mode = 'closed';
    clearTimeout(this.#commitTimer);
    this.#rejectWaiting(closedError());
  }

  #refuseUnlessUsable(): void {
    if (this.#mode === 'fenced') throw fencedError();
    if (this.#isClosing) throw closedError();
    if (this.#isOutOfPatience) throw unavailableError();
  }

  #run(): void {
    if (this.#running === undefined && this.#mode === 'open') this.#start(() => this.#flushAll());
  }

  #start(work: () => Promise<void>): void {
    this.#running = work().finally(() => {
      this.#running = undefined;
      if (this.#queue.length > 0 || this.#offsets.isWaiting) this.#run();
    });
  }

  async #flushAll(): Promise<void> {
    // All that this turn of the event loop appends shares the first commit.
    await immediate();
    while (this.#mode === 'open' && (this.#queue.length > 0 || this.#offsets.isWaiting)) {
      clearTimeout(this.#commitTimer);
      this.#commitTimer = undefined;
      const inFlight: InFlight = {
        calls: this.#takeCalls(),
        commits: this.#offsets.take(),
        isAbandoned: false,
      };
      this.#inFlight = inFlight;
      const commits = inFlight.commits.map(({ commit }) => commit);
      const built = buildFlush(inFlight.calls, commits, this.#options.now());
      await this.#write(built, inFlight);
      this.#inFlight = undefined;
    }
  }

  #takeCalls(): readonly AppendCall[] {
    let bytes = 0;
    let count = 0;
    for (const call of this.#queue) {
      bytes += call.bytes;
      if (count > 0 && bytes > this.#options.maxFlushBytes) break;
      count++;
    }
    const calls = this.#queue.splice(0, count);
    for (const call of calls) this.#queuedBytes -= call.bytes;
    return calls;
  }

  /** Ends with the flush in the log, refused, or given up. What failed with the connection is in doubt, not failed. */
  async #write(built: BuiltFlush, inFlight: InFlight): Promise<void> {
    for (;;) {
      try {
        await this.#store.write(built.flush);
        this.#settle(built, inFlight);
        return;
      } catch (error) {
        if (!(error instanceof StoreFailure)) throw error;
        if (error.kind === 'refused') {
          this.#options.onEvent({ kind: 'refused', error });
          rejectAll(inFlight, unavailableError(error));
          return;
        }
        const ends = error.kind === 'lost' ? await this.#recover(error) : this.#fence();
        if (ends === undefined) return;
        if (hasLanded(built.flush, ends)) {
          this.#settle(built, inFlight);
          return;
        }
        if (inFlight.isAbandoned) return;
      }
    }
  }

  #settle({ flush, tails, positions }: BuiltFlush, { calls, commits }: InFlight): void {
    for (const { partition, batch } of tails) {
      partition.appendedAt = flush.appendedAt;
      partition.append(batch);
      this.#tails.add(partition, batch);
    }
    this.#offsets.apply(flush.commits);
    calls.forEach((call, index) => call.resolve(positions[index] ?? []));
    for (const { settle } of commits) for (const { resolve } of settle) resolve();
  }

  /** @returns the ends once the store is back; undefined when there is no use in waiting any more */
  async #recover(error: unknown): Promise<readonly StoredEnd[] | undefined> {
    this.#mode = 'away';
    this.#options.onEvent({ kind: 'away', error });
    const lostAt = performance.now();
    const patience = setTimeout(() => this.#losePatience(), this.#options.patienceMs);
    try {
      for (
        let pauseMs = firstPauseMs;
        !this.#giveUp.signal.aborted;
        pauseMs = Math.min(2 * pauseMs, longestPauseMs)
      ) {
        const ends = await this.#store.recover().catch(asFailure);
        if (!(ends instanceof StoreFailure)) {
          this.#mode = 'open';
          this.#options.onEvent({ kind: 'back', afterMs: Math.round(performance.now() - lostAt) });
          return ends;
        }
        if (ends.kind === 'fenced') return this.#fence();
        await sleep(pauseMs, undefined, { signal: this.#giveUp.signal }).catch(() => undefined);
      }
      return undefined;
    } finally {
      clearTimeout(patience);
      this.#isOutOfPatience = false;
    }
  }

  #losePatience(): void {
    this.#isOutOfPatience = true;
    this.#rejectWaiting(unavailableError());
    if (this.#isClosing) this.#giveUp.abort();
  }

  #fence(): undefined {
    this.#mode = 'fenced';
    this.#options.onEvent({ kind: 'fenced' });
    this.#rejectWaiting(fencedError());
  }

  /** Refuses everything that waits, also for the flush under way. */
  #rejectWaiting(error: FirebreakError): void {
    const waiting = { calls: this.#queue, commits: this.#offsets.take(), isAbandoned: true };
    this.#queue = [];
    this.#queuedBytes = 0;
    rejectAll(waiting, error);
    if (this.#inFlight !== undefined) rejectAll(this.#inFlight, error);
  }
}

function rejectAll(inFlight: InFlight, error: FirebreakError): void {
  inFlight.isAbandoned = true;
  for (const call of inFlight.calls) call.reject(error);
  for (const { settle } of inFlight.commits) for (const { reject } of settle) reject(error);
}

/** A flush is written whole or not at all, so one of its partitions tells for all. */
function hasLanded(flush: Flush, ends: readonly StoredEnd[]): boolean {
  const [first] = flush.batches;
  if (first === undefined) return false;
  return ends.some(
    ({ topicId, partition, end }) =>
      topicId === first.topicId && partition === first.partition && end >= first.end,
  );
}

/** Anything else is a bug, and goes on its way. */
function asFailure(error: unknown): StoreFailure {
  if (error instanceof StoreFailure) return error;
  throw error;
}

function unavailableError(cause?: unknown): FirebreakError {
  return new FirebreakError('FB_LOG_UNAVAILABLE', 'The log is away.', { retryAfterMs: 1_000, cause });
}

function closedError(): FirebreakError {
  return new FirebreakError('FB_NOT_READY', 'The log is closed.');
}

function fencedError(): FirebreakError {
  return new FirebreakError('FB_LOG_FENCED', 'Another process has taken over the log: stop one of the two.');
}
