import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { DeviceId, TenantId } from '../../contracts/ids.ts';
import type { Decided, Origin } from './view.ts';

/** Somebody who holds a request until something is in force for the artifact. */
export interface Waiter {
  readonly key: ArtifactKey;
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
  /** Called once at most. @param origin when it was a report of this very device that decided it */
  readonly settle: (origin: Origin | null) => void;
}

/**
 * Who waits for which artifact. A thousand devices that hold the same file are one list under one key; looking up an
 * entry that nobody waits for costs one look into a map.
 */
export class Waiters {
  readonly #most: number;
  readonly #byArtifact = new Map<ArtifactKey, Set<Waiter>>();
  #count = 0;

  constructor(most: number) {
    this.#most = most;
  }

  get count(): number {
    return this.#count;
  }

  get artifacts(): number {
    return this.#byArtifact.size;
  }

  /** @returns false when there are as many as there may be */
  add(waiter: Waiter): boolean {
    if (this.#count >= this.#most) return false;
    this.#count += 1;
    const list = this.#byArtifact.get(waiter.key);
    if (list === undefined) this.#byArtifact.set(waiter.key, new Set([waiter]));
    else list.add(waiter);
    return true;
  }

  /** Gives up; nothing happens when the waiter was settled already. */
  remove(waiter: Waiter): void {
    const list = this.#byArtifact.get(waiter.key);
    if (list === undefined || !list.delete(waiter)) return;
    this.#count -= 1;
    if (list.size === 0) this.#byArtifact.delete(waiter.key);
  }

  /** Settles whom the decision reaches: everybody, a tenant, or one device. */
  notify({ key, subject, origin }: Decided): void {
    for (const waiter of this.#byArtifact.get(key) ?? []) {
      const reached =
        (subject.tenantId === null || subject.tenantId === waiter.tenantId) &&
        (subject.deviceId === null || subject.deviceId === waiter.deviceId);
      if (!reached) continue;
      this.remove(waiter);
      waiter.settle(origin?.deviceId === waiter.deviceId ? origin : null);
    }
  }
}
