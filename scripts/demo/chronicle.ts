import type { Encounter } from '../../agent/sdk/encounter.ts';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { Entry } from '../../contracts/entry.ts';
import type { Report } from '../../contracts/report.ts';

/** A device of the demo, by name. */
export interface DeviceName {
  readonly tenant: string;
  readonly name: string;
}

/** Since when a device stops an artifact by itself, and by which entry. */
export interface Protection {
  readonly device: DeviceName;
  readonly key: ArtifactKey;
  readonly entry: Entry;
  readonly atMs: number;
}

export interface Meeting {
  readonly device: DeviceName;
  readonly key: ArtifactKey;
  readonly report: Report;
  readonly held: boolean;
  readonly encounter: Encounter;
  readonly tookMs: number;
  readonly atMs: number;
}

/** Everything that was seen in one run, with its time in epoch milliseconds: what the demo prints is read from here. */
export class Chronicle {
  readonly protections: Protection[] = [];
  readonly meetings: Meeting[] = [];
  readonly #stopping = new Map<string, Entry>();

  /**
   * A device applied something about an artifact.
   * @param stoppedBy the entry by which the device now stops it, or null
   * @returns what changed for the device
   */
  noteApplied(
    device: DeviceName,
    key: ArtifactKey,
    stoppedBy: Entry | null,
  ): 'protected' | 'released' | 'same' {
    const name = `${device.name} ${key}`;
    const before = this.#stopping.get(name);
    if (stoppedBy === null) {
      this.#stopping.delete(name);
      return before === undefined ? 'same' : 'released';
    }
    this.#stopping.set(name, stoppedBy);
    if (before !== undefined) return 'same';
    this.protections.push({ device, key, entry: stoppedBy, atMs: Date.now() });
    return 'protected';
  }

  /** @returns how many devices of the tenant stop the artifact now */
  stoppingDevices(tenant: string, key: ArtifactKey): number {
    return [...this.#stopping.keys()].filter(
      (name) => name.startsWith(`${tenant}-`) && name.endsWith(` ${key}`),
    ).length;
  }

  noteMet(meeting: Meeting): void {
    this.meetings.push(meeting);
  }

  meetingsOf(key: ArtifactKey): readonly Meeting[] {
    return this.meetings.filter((meeting) => meeting.key === key);
  }
}
