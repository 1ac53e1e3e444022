import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { DeviceId } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { Answer } from '../../contracts/records.ts';
import { encodeCursor } from '../../engine/stream/cursor.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { PublishEvents } from './events.ts';
import { Flush } from './flush.ts';
import { frame } from './frames.ts';
import { Listeners, type Listener } from './listener.ts';
import type { Pending, PublishedState } from './published-state.ts';
import { ecosystemScope } from './scope.ts';

export interface PublisherDependencies {
  readonly state: PublishedState;
  readonly limits: Limits;
  /** Tells this log from any other: cursors of another are refused. */
  readonly logIdentity: string;
  readonly events: PublishEvents;
  readonly now: () => number;
  readonly random: () => number;
  /** Over how long a stopping process lets its subscribers go. */
  readonly dismissOverMs: number;
}

/** Writes in a row before other work gets its turn. */
const writesPerTurn = 256;
const dismissSteps = 20;
/** A quiet log hands out a fresh cursor this often, so that none grows old where nothing happens. */
const cursorAgeMs = 60 * 60 * 1000;

/**
 * Cuts the state into flushes and hands them to the listeners. Quiet → a change: flush at once → waiting: at most one
 * flush per interval, until an interval passes without change.
 *
 * A flush is composed for all listeners in one turn, from one state; only its delivery is spread over turns. A
 * listener added after the cut is not in the list, and has what the flush brings from its catch-up.
 */
export class Publisher implements Part {
  readonly name = 'streams';
  readonly listeners = new Listeners();
  readonly #deps: PublisherDependencies;
  #cutPositions: readonly number[];
  #cutAtMs = 0;
  #cursor: string;
  #oldestPendingMs = Infinity;
  #lastFlushMs = -Infinity;
  #delivering = false;
  #timer: NodeJS.Timeout | undefined;
  #house: NodeJS.Timeout | undefined;
  #stopping = false;
  /** Open streams, those that are still catching up included. */
  connections = 0;

  constructor(dependencies: PublisherDependencies) {
    this.#deps = dependencies;
    this.#cutPositions = [...dependencies.state.positions];
    this.#cutAtMs = dependencies.now();
    this.#cursor = this.#encode();
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** The offsets up to which listeners have been told; what is behind them comes with the next flush. */
  get cutPositions(): readonly number[] {
    return this.#cutPositions;
  }

  /** Of `cutPositions`. */
  get cursor(): string {
    return this.#cursor;
  }

  async start(): Promise<void> {
    this.#house = setInterval(() => this.#deps.state.forget(this.#deps.now()), 60_000);
    this.#house.unref();
  }

  /** Lets every listener go, a few at a time, so that they do not all come again at once. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    clearInterval(this.#house);
    const all = [...this.listeners.all()];
    const share = Math.ceil(all.length / dismissSteps);
    while (all.length > 0) {
      for (const listener of all.splice(0, share)) listener.dismiss(this.retryMs());
      if (all.length > 0) await sleep(this.#deps.dismissOverMs / dismissSteps);
    }
  }

  /** @returns a random pause before the next attempt, so that a crowd spreads out */
  retryMs(): number {
    return 500 + Math.floor(this.#deps.random() * 4500);
  }

  /**
   * Brings the cut to the present where nothing is on its way, so that a checkpoint of now is true for everybody.
   *
   * @returns whether it is; if not, the next flush brings a checkpoint to who owes one
   */
  settle(): boolean {
    const { state, now } = this.#deps;
    if (this.#delivering || state.hasPending) return false;
    const moved = state.positions.some((position, partition) => position !== this.#cutPositions[partition]);
    if (moved || now() - this.#cutAtMs > cursorAgeMs) this.#cut();
    return true;
  }

  /** The state has moved. @param sinceMs when the oldest of the new records was appended */
  changed(sinceMs: number): void {
    if (!this.#deps.state.hasPending) return;
    this.#oldestPendingMs = Math.min(this.#oldestPendingMs, sinceMs);
    this.#schedule();
  }

  /** The verdict on a held artifact that nothing speaks against: to its device at once, no part of any state. */
  release(answer: Answer): void {
    if (!answer.held) return;
    const { reportId, deviceId } = answer.origin;
    const body = Buffer.from(frame('entry', JSON.stringify({ ...answer.entry, reportId })));
    for (const listener of this.listeners.ofDevice(deviceId)) listener.receive(body);
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#delivering || this.#stopping) return;
    const waitMs = this.#lastFlushMs + this.#deps.limits.flushIntervalMs - this.#deps.now();
    if (waitMs <= 0) {
      void this.#flush();
      return;
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      void this.#flush();
    }, waitMs);
  }

  async #flush(): Promise<void> {
    const { state, now, events } = this.#deps;
    const oldestMs = this.#oldestPendingMs;
    this.#oldestPendingMs = Infinity;
    this.#lastFlushMs = now();
    this.#delivering = true;
    const pending = state.takePending();
    this.#cut();
    const flush = new Flush(state, pending, this.#cursor, now());
    const deliveries = [...this.#concerned(pending)].map((listener) => ({
      listener,
      body: flush.bodyFor(listener.caller),
    }));
    let bytes = 0;
    for (const [number, { listener, body }] of deliveries.entries()) {
      if (number > 0 && number % writesPerTurn === 0) await nextTurn();
      listener.owesCheckpoint = false;
      listener.receive(body);
      bytes += body.length;
    }
    for (const deviceId of pending.offboarded) this.#offboard(deviceId);
    this.#delivering = false;
    if (deliveries.length > 0) events.flushed(deliveries.length, bytes, now() - oldestMs);
    if (state.hasPending) this.#schedule();
  }

  #concerned(pending: Pending): Set<Listener> {
    if (pending.changed.has(ecosystemScope)) return new Set(this.listeners.all());
    const concerned = new Set<Listener>();
    for (const tenantId of pending.policies.keys()) addAll(concerned, this.listeners.ofTenant(tenantId));
    for (const scopeName of pending.changed.keys()) {
      const [tenantId = '', deviceId] = scopeName.split('/');
      const listeners =
        deviceId === undefined ? this.listeners.ofTenant(tenantId) : this.listeners.ofDevice(deviceId);
      addAll(concerned, listeners);
    }
    for (const listener of this.listeners.all()) if (listener.owesCheckpoint) concerned.add(listener);
    return concerned;
  }

  #offboard(deviceId: DeviceId): void {
    const entries = this.#deps.state.offboarding(deviceId);
    if (entries === undefined) return;
    for (const listener of [...this.listeners.ofDevice(deviceId)]) listener.offboard(entries);
  }

  #cut(): void {
    this.#cutPositions = [...this.#deps.state.positions];
    this.#cutAtMs = this.#deps.now();
    this.#cursor = this.#encode();
  }

  #encode(): string {
    return encodeCursor({ issuedAtMs: this.#cutAtMs, offsets: this.#cutPositions }, this.#deps.logIdentity);
  }
}

function addAll(set: Set<Listener>, listeners: Iterable<Listener>): void {
  for (const listener of listeners) set.add(listener);
}
