import { setTimeout as sleep } from 'node:timers/promises';
import type { DecidedEntry, Entry } from '../../contracts/entry.ts';
import { changesSchema, cursorSchema } from '../../contracts/stream.ts';
import { belongsToState, type StateChange } from '../../engine/stream/change.ts';
import type { ServerClock } from './clock.ts';
import type { EntryStore, StatePosition } from './entry-store.ts';
import { DeadConnection, SilenceGuard } from './silence-guard.ts';
import { readSnapshot } from './snapshot-lines.ts';
import { AnswerError, bodyOf, positionOf } from './stream-answer.ts';
import { FrameError, streamFrames, type StreamFrame } from './stream-frames.ts';

/** What a program that follows the stream may want to know. */
export type StreamClientEvent =
  | { readonly kind: 'connected'; readonly by: 'stream' | 'long-poll' }
  | { readonly kind: 'snapshot'; readonly entries: number; readonly unchanged: boolean }
  /** One flush, in force and on disk. */
  | { readonly kind: 'changed'; readonly changes: readonly StateChange[] }
  /** A held artifact that nothing speaks against. */
  | { readonly kind: 'released'; readonly entry: DecidedEntry }
  | { readonly kind: 'policy'; readonly revision: number }
  | { readonly kind: 'resync'; readonly reason: string }
  /** Count or digest did not add up; a snapshot mends it. */
  | { readonly kind: 'differs' }
  | { readonly kind: 'trouble'; readonly error: unknown; readonly retryMs: number }
  | { readonly kind: 'offboarded'; readonly entries: 'purge' | 'keep-until-expiry' };

export interface StreamTiming {
  /** Without a byte for this long the connection counts as dead. */
  readonly silenceMs: number;
  readonly helloMs: number;
  /** How long long polls are used after a connection that was dead or mute. */
  readonly pollForMs: number;
  readonly pollWaitSeconds: number;
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

export const defaultStreamTiming: StreamTiming = {
  silenceMs: 45_000,
  helloMs: 10_000,
  pollForMs: 5 * 60_000,
  pollWaitSeconds: 25,
  firstPauseMs: 500,
  longestPauseMs: 60_000,
};

export interface StreamClientOptions {
  readonly baseUrl: string;
  readonly credential: string;
  readonly store: EntryStore;
  readonly clock: ServerClock;
  readonly onEvent?: (event: StreamClientEvent) => void;
  readonly timing?: Partial<StreamTiming>;
  /** From 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

/**
 * Keeps a store in step with the service: no position → snapshot → stream ⇄ long poll (for a while, after a dead
 * connection) → … → off-boarded or stopped. Every trouble is answered by a pause with full jitter and another try.
 * Nothing but an `offboarded` event takes an entry out of force that the service has not revoked: a 401, 403 or 407
 * or a page of HTML may come from a proxy.
 */
export class StreamClient {
  readonly #options: StreamClientOptions;
  readonly #timing: StreamTiming;
  readonly #random: () => number;
  #failures = 0;
  #pollUntilMs = -Infinity;
  #serverPauseMs: number | null = null;

  constructor(options: StreamClientOptions) {
    this.#options = options;
    this.#timing = { ...defaultStreamTiming, ...options.timing };
    this.#random = options.random ?? Math.random;
  }

  /** @returns why it ended: the signal, or because the device was off-boarded */
  async run(signal: AbortSignal): Promise<'stopped' | 'offboarded'> {
    while (!signal.aborted) {
      try {
        if ((await this.#round(signal)) === 'offboarded') return 'offboarded';
      } catch (error) {
        if (signal.aborted) break;
        await this.#recover(error, signal);
      }
    }
    return 'stopped';
  }

  async #round(signal: AbortSignal): Promise<'offboarded' | 'again'> {
    if (this.#options.store.position === null) await this.#takeSnapshot(signal);
    if (performance.now() < this.#pollUntilMs) return this.#poll(signal);
    const ended = await this.#follow(signal);
    // The service lets go in an orderly way when it restarts, and says how long to stay away.
    if (ended === 'again' && !signal.aborted)
      await this.#pause(this.#serverPauseMs ?? this.#jitter(), signal);
    return ended;
  }

  async #recover(error: unknown, signal: AbortSignal): Promise<void> {
    this.#failures += 1;
    if (error instanceof DeadConnection) this.#pollUntilMs = performance.now() + this.#timing.pollForMs;
    if (error instanceof FrameError) this.#options.store.forgetPosition();
    const retryMs = (error instanceof AnswerError ? error.retryAfterMs : 0) + this.#jitter();
    this.#tell({ kind: 'trouble', error, retryMs });
    await this.#pause(retryMs, signal);
  }

  #jitter(): number {
    const { firstPauseMs, longestPauseMs } = this.#timing;
    return this.#random() * Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures, 20));
  }

  async #pause(pauseMs: number, signal: AbortSignal): Promise<void> {
    this.#serverPauseMs = null;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }

  #tell(event: StreamClientEvent): void {
    this.#options.onEvent?.(event);
  }

  async #get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const { baseUrl, credential } = this.#options;
    return fetch(new URL(path, baseUrl), {
      headers: { authorization: `Bearer ${credential}`, ...headers },
      redirect: 'error',
      signal,
    });
  }

  async #takeSnapshot(signal: AbortSignal): Promise<void> {
    const { store } = this.#options;
    const path = '/v1/snapshot';
    await this.#guarded(signal, this.#timing.silenceMs, async (guard) => {
      const ifNoneMatch = { 'if-none-match': `W/"${store.summary.digest}"` };
      const response = await this.#get(path, store.size > 0 ? ifNoneMatch : {}, guard.signal);
      if (response.status === 304) {
        const agreement = await store.renew(positionOf(response));
        if (agreement === 'differs') throw new FrameError('The snapshot of this digest has another count.');
        this.#tell({ kind: 'snapshot', entries: store.size, unchanged: true });
        return;
      }
      const body = bodyOf(path, response, 'application/x-ndjson');
      const agreement = await store.replace((add) => readSnapshot(guard.watch(body), add));
      if (agreement === 'differs') throw new FrameError('The snapshot was cut or does not add up.');
      this.#tell({ kind: 'snapshot', entries: store.size, unchanged: false });
    });
  }

  async #follow(signal: AbortSignal): Promise<'offboarded' | 'again'> {
    const { store } = this.#options;
    const path = '/v1/stream';
    return this.#guarded(signal, this.#timing.helloMs, async (guard) => {
      const cursor = store.position?.cursor ?? '';
      const headers = { accept: 'text/event-stream', 'last-event-id': cursor };
      const response = await this.#get(path, headers, guard.signal);
      const body = bodyOf(path, response, 'text/event-stream');
      const pending: StateChange[] = [];
      const onRetry = (retryMs: number): void => {
        this.#serverPauseMs = retryMs;
      };
      for await (const frame of streamFrames(guard.chunks(body), () => guard.alive(), onRetry)) {
        if (frame.event === 'hello') {
          guard.relax(this.#timing.silenceMs);
          this.#tell({ kind: 'connected', by: 'stream' });
        }
        const next = await this.#take(frame, pending);
        if (next !== 'on') return next;
      }
      return 'again';
    });
  }

  async #take(frame: StreamFrame, pending: StateChange[]): Promise<'on' | 'again' | 'offboarded'> {
    switch (frame.event) {
      case 'hello':
      case 'ping':
        this.#options.clock.observe(Date.parse(frame.data.now));
        return 'on';
      case 'entry':
      case 'revocation':
        this.#collect(frame, pending);
        return 'on';
      case 'policy':
        this.#tell({ kind: 'policy', revision: frame.data.revision });
        return 'on';
      case 'checkpoint': {
        this.#options.clock.observe(Date.parse(frame.data.now));
        const cursor = cursorSchema.safeParse(frame.id);
        if (!cursor.success) throw new FrameError('A checkpoint has no cursor.');
        const { count, digest } = frame.data;
        return this.#apply(pending.splice(0), { cursor: cursor.data, count, digest });
      }
      case 'resync':
        return this.#resync(frame.data);
      case 'offboarded':
        return this.#offboard(frame.data.entries);
    }
  }

  #collect(change: StateChange, pending: StateChange[]): void {
    if (change.event === 'revocation') pending.push({ event: 'revocation', data: change.data });
    else if (belongsToState(change.data)) pending.push({ event: 'entry', data: change.data });
    else this.#release(change.data);
  }

  #release(entry: Entry): void {
    if (entry.source === 'decision') this.#tell({ kind: 'released', entry });
  }

  async #apply(changes: readonly StateChange[], position: StatePosition): Promise<'on' | 'again'> {
    const agreement = await this.#options.store.apply(changes, position);
    if (changes.length > 0) this.#tell({ kind: 'changed', changes });
    if (agreement === 'agrees') {
      this.#failures = 0;
      return 'on';
    }
    this.#tell({ kind: 'differs' });
    this.#failures += 1;
    this.#serverPauseMs = this.#jitter();
    return 'again';
  }

  #resync({ reason, retryAfterMs }: Extract<StreamFrame, { event: 'resync' }>['data']): 'again' {
    this.#options.store.forgetPosition();
    this.#serverPauseMs = retryAfterMs;
    this.#tell({ kind: 'resync', reason });
    return 'again';
  }

  async #offboard(entries: 'purge' | 'keep-until-expiry'): Promise<'offboarded'> {
    if (entries === 'purge') await this.#options.store.purge();
    this.#tell({ kind: 'offboarded', entries });
    return 'offboarded';
  }

  /** One answer of the long poll; a list in pages is applied as one flush. */
  async #poll(signal: AbortSignal): Promise<'offboarded' | 'again'> {
    const { pollWaitSeconds, silenceMs } = this.#timing;
    const pending: StateChange[] = [];
    let from = this.#options.store.position?.cursor ?? '';
    for (let more = true; more;) {
      const path = `/v1/changes?cursor=${from}&wait=${pollWaitSeconds}`;
      const answer = await this.#guarded(signal, pollWaitSeconds * 1000 + silenceMs, async (guard) => {
        const response = await this.#get(path, {}, guard.signal);
        bodyOf('/v1/changes', response, 'application/json');
        return changesSchema.safeParse(await response.json());
      });
      if (!answer.success) throw new FrameError('The answer of the long poll does not fit.');
      if (pending.length === 0) this.#tell({ kind: 'connected', by: 'long-poll' });
      for (const change of answer.data.changes) {
        const next = await this.#take({ ...change, id: undefined }, pending);
        if (next !== 'on') {
          if (next === 'again') await this.#pause(this.#serverPauseMs ?? 0, signal);
          return next;
        }
      }
      const { cursor, count, digest } = answer.data;
      ({ more } = answer.data);
      from = cursor;
      if (more) continue;
      // A service that answers at once without a change must not be asked without end.
      if (pending.length === 0) await this.#pause(this.#jitter(), signal);
      await this.#apply(pending.splice(0), { cursor, count, digest });
    }
    return 'again';
  }

  /** Runs it under a watch that ends the connection when nothing arrives for too long. */
  async #guarded<Result>(
    signal: AbortSignal,
    patienceMs: number,
    run: (guard: SilenceGuard) => Promise<Result>,
  ): Promise<Result> {
    const guard = new SilenceGuard(signal, patienceMs);
    try {
      return await run(guard);
    } catch (error) {
      if (guard.isDead) throw new DeadConnection(error);
      throw error;
    } finally {
      guard.end();
    }
  }
}
