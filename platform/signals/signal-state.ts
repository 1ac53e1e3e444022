import { z } from 'zod';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { TenantId } from '../../contracts/ids.ts';
import {
  laterFact,
  maxFacts,
  maxMembers,
  type ArtifactSignals,
  type Fact,
  type SignalStep,
} from '../../contracts/signals.ts';

/** The state of one artifact as the changelog keeps it: first and last seen, members with when they last saw it, facts. */
const dumpedStateSchema = z.object({
  first: z.number().nullable(),
  last: z.number().nullable(),
  members: z.record(z.string(), z.number()),
  facts: z.record(z.string(), z.tuple([z.number(), z.unknown()])),
});
export type DumpedState = z.infer<typeof dumpedStateSchema>;

const emptyState: DumpedState = { first: null, last: null, members: {}, facts: {} };

/** @returns the state that was dumped, the empty one where nothing was known; undefined when it is not one */
export function parseDumped(dumped: unknown): DumpedState | undefined {
  return dumped === null ? emptyState : dumpedStateSchema.safeParse(dumped).data;
}

/** Mutable state of one artifact. Every change is a maximum, a minimum or a set union, so order and repetition do not matter. */
export class SignalState {
  #first: number | null = null;
  #last: number | null = null;
  /** `<tenant>/<device>` → when it last saw the artifact. */
  readonly #members = new Map<string, number>();
  readonly #facts = new Map<string, Fact>();

  fold(step: SignalStep): void {
    if (step.sighting !== undefined) {
      const { tenantId, deviceId, atMs } = step.sighting;
      this.#see(`${tenantId}/${deviceId}`, atMs);
    }
    for (const fact of step.facts) this.#learn(fact);
  }

  /** Takes up another state of the same artifact. @returns false when it is not one */
  merge(dumped: unknown): boolean {
    const parsed = parseDumped(dumped);
    if (parsed === undefined) return false;
    const { first, last, members, facts } = parsed;
    for (const [member, atMs] of Object.entries(members)) this.#see(member, atMs);
    if (first !== null) this.#first = Math.min(first, this.#first ?? first);
    if (last !== null) this.#last = Math.max(last, this.#last ?? last);
    for (const [field, [order, value]] of Object.entries(facts)) this.#learn({ field, order, value });
    return true;
  }

  /** @returns null when nothing is known */
  dump(): DumpedState | null {
    if (this.#first === null && this.#last === null && this.#facts.size === 0) return null;
    return {
      first: this.#first,
      last: this.#last,
      members: Object.fromEntries(this.#members),
      facts: Object.fromEntries(
        [...this.#facts.values()].map(({ field, order, value }) => [field, [order, value]]),
      ),
    };
  }

  /** @param lookBackMs members that have not seen it for longer than this, counted from its last sighting, are left out */
  snapshot(key: ArtifactKey, lookBackMs: number): ArtifactSignals {
    const since = (this.#last ?? 0) - lookBackMs;
    const devicesByTenant = new Map<TenantId, number>();
    for (const [member, atMs] of this.#members) {
      if (atMs < since) continue;
      const tenantId = member.slice(0, member.indexOf('/')) as TenantId;
      devicesByTenant.set(tenantId, (devicesByTenant.get(tenantId) ?? 0) + 1);
    }
    return {
      key,
      firstSeenMs: this.#first,
      lastSeenMs: this.#last,
      devicesByTenant,
      facts: new Map(this.#facts),
    };
  }

  #see(member: string, atMs: number): void {
    this.#first = Math.min(atMs, this.#first ?? atMs);
    this.#last = Math.max(atMs, this.#last ?? atMs);
    const before = this.#members.get(member);
    if (before !== undefined) this.#members.set(member, Math.max(before, atMs));
    else if (this.#members.size < maxMembers) this.#members.set(member, atMs);
  }

  #learn(fact: Fact): void {
    const before = this.#facts.get(fact.field);
    this.#facts.set(fact.field, before === undefined ? fact : laterFact(before, fact));
    if (this.#facts.size <= maxFacts) return;
    const oldest = [...this.#facts.values()].reduce((a, b) => (isOlder(b, a) ? b : a));
    this.#facts.delete(oldest.field);
  }
}

/** Of one age, the one of the first field: which facts fall out does not depend on the order in which they came. */
function isOlder(a: Fact, b: Fact): boolean {
  return a.order < b.order || (a.order === b.order && a.field < b.field);
}
