import type { Caller } from './scope.ts';

/** Somebody who waits for changes: a subscriber of the stream, or a long poll. */
export interface Listener {
  readonly caller: Caller;
  /** Wants the next checkpoint even if nothing changes for it. */
  owesCheckpoint: boolean;
  /** One flush: changes and checkpoint. */
  receive(body: Buffer): void;
  /** The device was off-boarded: tell it and let go. */
  offboard(entries: 'purge' | 'keep-until-expiry'): void;
  /** The process stops: let go; the device may come again after `retryMs`. */
  dismiss(retryMs: number): void;
}

/** Listeners by who they are, so that a change is looked for only among those whom it concerns. */
export class Listeners {
  readonly #all = new Set<Listener>();
  readonly #byTenant = new Map<string, Set<Listener>>();
  readonly #byDevice = new Map<string, Set<Listener>>();

  get size(): number {
    return this.#all.size;
  }

  all(): ReadonlySet<Listener> {
    return this.#all;
  }

  ofTenant(tenantId: string): Iterable<Listener> {
    return this.#byTenant.get(tenantId) ?? [];
  }

  ofDevice(deviceId: string): Iterable<Listener> {
    return this.#byDevice.get(deviceId) ?? [];
  }

  add(listener: Listener): void {
    this.#all.add(listener);
    addTo(this.#byTenant, listener.caller.tenantId, listener);
    addTo(this.#byDevice, listener.caller.deviceId, listener);
  }

  remove(listener: Listener): void {
    this.#all.delete(listener);
    removeFrom(this.#byTenant, listener.caller.tenantId, listener);
    removeFrom(this.#byDevice, listener.caller.deviceId, listener);
  }
}

function addTo(index: Map<string, Set<Listener>>, key: string, listener: Listener): void {
  const held = index.get(key);
  if (held === undefined) index.set(key, new Set([listener]));
  else held.add(listener);
}

function removeFrom(index: Map<string, Set<Listener>>, key: string, listener: Listener): void {
  const held = index.get(key);
  held?.delete(listener);
  if (held?.size === 0) index.delete(key);
}
