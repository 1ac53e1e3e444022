import type { ArtifactKey } from './artifact.ts';
import type { DeviceId, TenantId } from './ids.ts';

/** A device of a tenant saw the artifact. Folding the same sighting again changes nothing. */
export interface Sighting {
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
  /** Time of acceptance, epoch milliseconds. */
  readonly atMs: number;
}

/** A named value of an artifact of which the last by `order` stays (then by the text of the value): repeats and reorderings end alike. */
export interface Fact {
  readonly field: string;
  /** Epoch milliseconds of what the fact follows from. */
  readonly order: number;
  /** JSON value. */
  readonly value: unknown;
}

/** One atomic, idempotent change of what is known of one artifact. */
export interface SignalStep {
  readonly key: ArtifactKey;
  readonly sighting?: Sighting;
  readonly facts: readonly Fact[];
}

/** What the service knows of an artifact beyond one report. Counts are exact up to `maxMembers` and stop there. */
export interface ArtifactSignals {
  readonly key: ArtifactKey;
  readonly firstSeenMs: number | null;
  readonly lastSeenMs: number | null;
  /** Distinct devices in the look-back, per tenant. */
  readonly devicesByTenant: ReadonlyMap<TenantId, number>;
  readonly facts: ReadonlyMap<string, Fact>;
}

/** Distinct (tenant, device) members kept per artifact: prevalence beyond it changes no decision, and one artifact's memory stays bounded. */
export const maxMembers = 1024;

/** Facts kept per artifact; the oldest by order falls out. */
export const maxFacts = 256;

/** @returns distinct devices of all tenants in the look-back, at most `maxMembers` */
export function deviceCount(signals: ArtifactSignals): number {
  let sum = 0;
  for (const devices of signals.devicesByTenant.values()) sum += devices;
  return sum;
}

/** The rule by which one of two facts of a field stays. */
export function laterFact(a: Fact, b: Fact): Fact {
  if (a.order !== b.order) return a.order > b.order ? a : b;
  return JSON.stringify(a.value) >= JSON.stringify(b.value) ? a : b;
}
