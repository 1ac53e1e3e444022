import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { TenantId } from '../../contracts/ids.ts';
import type { ArtifactSignals, Fact, SignalStep } from '../../contracts/signals.ts';
import type { DumpedState } from './signal-state.ts';

/** How the state of an artifact is written in Redis. fold.lua describes the hash; this is what stands in its fields. */

/** Field and value in turn, as HGETALL answers; a null value: the field is gone. */
export type FieldValues = readonly (string | null)[];

/** Sightings and facts as the script takes them up in one step. Facts: field, order, JSON text. */
export interface EncodedStep {
  readonly first: string;
  readonly last: string;
  readonly members: readonly (readonly [member: string, at: string])[];
  readonly facts: readonly (readonly [field: string, order: string, text: string])[];
}

export function encodeStep({ sighting, facts }: SignalStep): EncodedStep {
  const at = sighting === undefined ? '' : String(sighting.atMs);
  return {
    first: at,
    last: at,
    members: sighting === undefined ? [] : [[encodeMember(sighting.tenantId, sighting.deviceId), at]],
    facts: facts.map(({ field, order, value }) => [field, String(order), jsonText(value)]),
  };
}

/** The members of a state bear on its first and last sighting even where they are too many to be kept. */
export function encodeDumped({ first, last, members, facts }: DumpedState): EncodedStep {
  const seen = Object.values(members);
  const firsts = first === null ? seen : [first, ...seen];
  const lasts = last === null ? seen : [last, ...seen];
  const text = (times: readonly number[], pick: (a: number, b: number) => number) =>
    times.length === 0 ? '' : String(times.reduce((a, b) => pick(a, b)));
  return {
    first: text(firsts, Math.min),
    last: text(lasts, Math.max),
    members: Object.entries(members).map(([member, atMs]) => [encodeMemberText(member), String(atMs)]),
    facts: Object.entries(facts).map(([field, [order, value]]) => [field, String(order), jsonText(value)]),
  };
}

/** @returns null when nothing is known */
export function decodeDumped(fields: FieldValues, membersAndTimes: readonly string[]): DumpedState | null {
  if (fields.length === 0) return null;
  const view = new ArtifactView(fields);
  const members: [string, number][] = [];
  for (let at = 0; at + 1 < membersAndTimes.length; at += 2)
    members.push([decodeMember(membersAndTimes[at] ?? ''), Number(membersAndTimes[at + 1])]);
  const { firstSeenMs, lastSeenMs, facts } = view;
  return {
    first: firstSeenMs,
    last: lastSeenMs,
    members: Object.fromEntries(members),
    facts: Object.fromEntries([...facts.values()].map(({ field, order, value }) => [field, [order, value]])),
  };
}

/** The state of one artifact while the answers of a script are read. What did not change since a snapshot is shared with it. */
export class ArtifactView {
  firstSeenMs: number | null = null;
  lastSeenMs: number | null = null;
  #devices: ReadonlyMap<TenantId, number> = new Map();
  #facts: ReadonlyMap<string, Fact> = new Map();

  constructor(fields: FieldValues) {
    this.apply(fields);
  }

  get facts(): ReadonlyMap<string, Fact> {
    return this.#facts;
  }

  apply(changes: FieldValues): void {
    // Taken at the first change of each: a snapshot may hold what is there.
    let devices: Map<TenantId, number> | undefined;
    let facts: Map<string, Fact> | undefined;
    for (let at = 0; at + 1 < changes.length; at += 2) {
      const [name, value] = [changes[at] ?? '', changes[at + 1] ?? null];
      const [kind, rest] = [name.slice(0, 2), name.slice(2)];
      if (kind === 'f:') {
        facts ??= new Map(this.#facts);
        if (value === null) facts.delete(rest);
        else facts.set(rest, decodeFact(rest, value));
      } else if (kind === 't:') {
        devices ??= new Map(this.#devices);
        if (value === null) devices.delete(decodeTenant(rest));
        else devices.set(decodeTenant(rest), Number(value));
      } else if (name === 'first') this.firstSeenMs = Number(value);
      else if (name === 'last') this.lastSeenMs = Number(value);
    }
    if (devices !== undefined) this.#devices = devices;
    if (facts !== undefined) this.#facts = facts;
  }

  snapshot(key: ArtifactKey): ArtifactSignals {
    const { firstSeenMs, lastSeenMs } = this;
    return { key, firstSeenMs, lastSeenMs, devicesByTenant: this.#devices, facts: this.#facts };
  }
}

function decodeFact(field: string, fact: string): Fact {
  const blank = fact.indexOf(' ');
  return { field, order: Number(fact.slice(0, blank)), value: JSON.parse(fact.slice(blank + 1)) as unknown };
}

function jsonText(value: unknown): string {
  return JSON.stringify(value) ?? 'null';
}

const canonicalUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const packedLength = 22;

/** 44 characters instead of 73, so that up to 128 members lie in one flat list; what is not two UUIDs stays text behind a `=`. */
function encodeMember(tenant: string, device: string): string {
  if (!canonicalUuid.test(tenant) || !canonicalUuid.test(device)) return `=${tenant}/${device}`;
  return pack(tenant) + pack(device);
}

function encodeMemberText(member: string): string {
  const slash = member.indexOf('/');
  return slash < 0 ? `=${member}` : encodeMember(member.slice(0, slash), member.slice(slash + 1));
}

function decodeMember(member: string): string {
  if (member.startsWith('=')) return member.slice(1);
  return `${unpack(member.slice(0, packedLength))}/${unpack(member.slice(packedLength))}`;
}

function decodeTenant(tenant: string): TenantId {
  return (tenant.startsWith('=') ? tenant.slice(1) : unpack(tenant)) as TenantId;
}

/** 16 bytes in 22 characters (RFC 4648, section 5), without what is the same in every UUID. */
function pack(uuid: string): string {
  return Buffer.from(uuid.replaceAll('-', ''), 'hex').toString('base64url');
}

function unpack(packed: string): string {
  const hex = Buffer.from(packed, 'base64url').toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
