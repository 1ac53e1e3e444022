import type { DeviceId, ReportId } from '../../contracts/ids.ts';

/** What only the device that reported may see of an entry. */
export interface Origin {
  readonly deviceId: DeviceId;
  readonly reportId: ReportId;
  readonly processEntityId?: string;
}

/**
 * Origins of the latest entries, in two generations: when the younger is full, the older is dropped. An agent that
 * comes much later has nothing left to stop; it acts by the artifact alone.
 */
export class Origins {
  readonly #kept: number;
  #young = new Map<string, Origin>();
  #old = new Map<string, Origin>();

  constructor(kept: number) {
    this.#kept = kept;
  }

  set(entryId: string, origin: Origin): void {
    this.#young.set(entryId, origin);
    if (this.#young.size < this.#kept / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  of(entryId: string): Origin | undefined {
    return this.#young.get(entryId) ?? this.#old.get(entryId);
  }

  /** @returns the origin where it is this device */
  for(entryId: string, deviceId: DeviceId): Origin | undefined {
    const origin = this.of(entryId);
    return origin?.deviceId === deviceId ? origin : undefined;
  }
}
