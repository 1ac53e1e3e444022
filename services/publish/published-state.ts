import { subjectKey } from '../../contracts/canonical.ts';
import type { OwnEntry, Revocation } from '../../contracts/entry.ts';
import {
  entryIdSchema,
  toTimestamp,
  type DeviceId,
  type EntryId,
  type TenantId,
} from '../../contracts/ids.ts';
import type { ControlRecord, VerdictRecord } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import { isNews, readVerdictKey } from '../../engine/stream/apply.ts';
import { belongsToState, type StateChange } from '../../engine/stream/change.ts';
import { unionOf, type StateDigest } from '../../engine/stream/digest.ts';
import type { LogMark } from '../../engine/stream/entry-chunk.ts';
import { EntryForms } from '../../engine/stream/entry-form.ts';
import { Origins } from './origins.ts';
import { cleared, revocationOf } from './revocations.ts';
import { Scope, scopeNames, type Caller } from './scope.ts';

/** A record of the log as the state takes it. */
export interface LogRecordOf<Value> {
  readonly key: string;
  readonly value: Value | null;
  readonly mark: LogMark;
  /** Milliseconds since 1970, by the log's clock. */
  readonly appendedAt: number;
}

/** Whose own entry it is, and the devices that it is for; none: all of the tenant. */
interface OwnerOf {
  readonly tenantId: TenantId;
  readonly deviceIds: readonly DeviceId[];
}

interface PolicyNotice {
  readonly revision: number;
  readonly mark: LogMark;
}

/** What changed since the last cut, by audience. */
export interface Pending {
  readonly changed: ReadonlyMap<string, ReadonlySet<EntryId>>;
  readonly policies: ReadonlyMap<TenantId, number>;
  readonly offboarded: readonly DeviceId[];
}

export interface StateOptions {
  readonly partitions: number;
  /** How long an id stays known after its tombstone; longer than a cursor lives. */
  readonly tombstoneDelayMs: number;
  readonly originsKept: number;
}

/**
 * All that subscribers are owed, in memory: a view of `verdicts` and `control` up to `positions`. Three scopes make a
 * caller's state: the ecosystem's, its tenant's, its device's; their digests add up.
 *
 * An own entry for all devices is a row of its tenant's scope. One for some devices is a row in the scope of each, and
 * from its second revision on the tenant's scope holds a revocation of that same revision, which tells the devices
 * that are no longer meant; where both meet in one flush, the entry wins.
 *
 * A tombstone turns what was still in force into a revocation (`expired`). Its row stays, ended, until every cursor
 * from before has died; then `forget` drops it.
 */
export class PublishedState {
  readonly #options: StateOptions;
  readonly #forms = new EntryForms();
  readonly #scopes = new Map<string, Scope>();
  readonly #positions: number[];
  readonly #versions = new Map<string, number>();
  readonly #owners = new Map<EntryId, OwnerOf>();
  readonly #policies = new Map<TenantId, PolicyNotice>();
  readonly #offboarded = new Map<DeviceId, 'purge' | 'keep-until-expiry'>();
  readonly origins: Origins;
  readonly #ended: { readonly atMs: number; readonly scope: string; readonly id: EntryId }[] = [];
  #changed = new Map<string, Set<EntryId>>();
  #policyNews = new Map<TenantId, number>();
  #offboardedNews: DeviceId[] = [];

  constructor(options: StateOptions) {
    this.#options = options;
    this.origins = new Origins(options.originsKept);
    this.#positions = Array<number>(2 * options.partitions).fill(0);
  }

  /** The next offset of each partition of `verdicts`, then of `control`. */
  get positions(): readonly number[] {
    return this.#positions;
  }

  /** Rows and scopes held, for the metrics. */
  get size(): { readonly rows: number; readonly scopes: number } {
    let rows = 0;
    for (const scope of this.#scopes.values()) rows += scope.table.size;
    return { rows, scopes: this.#scopes.size };
  }

  get hasPending(): boolean {
    return this.#changed.size > 0 || this.#policyNews.size > 0 || this.#offboardedNews.length > 0;
  }

  scope(name: string): Scope | undefined {
    return this.#scopes.get(name);
  }

  /** The caller's scopes that hold anything. */
  scopesOf(caller: Caller): readonly Scope[] {
    return scopeNames(caller).flatMap((name) => this.#scopes.get(name) ?? []);
  }

  digestOf(caller: Caller): StateDigest {
    return unionOf(...this.scopesOf(caller).map((scope) => scope.digest));
  }

  offboarding(deviceId: DeviceId): 'purge' | 'keep-until-expiry' | undefined {
    return this.#offboarded.get(deviceId);
  }

  /** @returns the tenant's policy revision when its record stands at or after `from` and before `until` */
  policyBetween(tenantId: TenantId, from: readonly number[], until: readonly number[]): number | undefined {
    const notice = this.#policies.get(tenantId);
    if (notice === undefined) return undefined;
    const { partition, offset } = notice.mark;
    return offset >= (from[partition] ?? 0) && offset < (until[partition] ?? 0) ? notice.revision : undefined;
  }

  advance(partition: number, position: number): void {
    this.#positions[partition] = Math.max(this.#positions[partition] ?? 0, position);
  }

  /** @returns what changed since the last call; the caller sends it */
  takePending(): Pending {
    const pending = { changed: this.#changed, policies: this.#policyNews, offboarded: this.#offboardedNews };
    this.#changed = new Map();
    this.#policyNews = new Map();
    this.#offboardedNews = [];
    return pending;
  }

  applyVerdict({ key, value, mark, appendedAt }: LogRecordOf<VerdictRecord>): void {
    if (value === null) {
      const dead = readVerdictKey(key);
      if (dead !== null) this.#bury(subjectKey(dead.subject), dead.id, mark, appendedAt);
      return;
    }
    const data = value.kind === 'entry' ? value.entry : value.revocation;
    const scope = this.#scope(subjectKey(value.subject));
    if (!isNews(scope.table.revisionOf(data.id), data.revision)) return;
    if (value.kind === 'entry' && belongsToState(value.entry)) {
      this.#put(scope, { event: 'entry', data: value.entry }, mark);
      this.origins.set(value.entry.id, value.origin);
      return;
    }
    const revocation = value.kind === 'entry' ? cleared(value.entry) : value.revocation;
    this.#put(scope, { event: 'revocation', data: revocation }, mark);
  }

  applyControl({ key, value, mark, appendedAt }: LogRecordOf<ControlRecord>): void {
    if (value === null) {
      this.#buryControl(key, mark, appendedAt);
      return;
    }
    const subject = topics.control.keyOf(value);
    if (!isNews(this.#versions.get(subject), value.version)) return;
    switch (value.kind) {
      case 'own-entry':
        this.#versions.set(subject, value.version);
        this.#putOwn(value.tenantId, value.entry, mark);
        return;
      case 'own-revocation':
        this.#versions.set(subject, value.version);
        this.#revokeOwn(value.tenantId, value.revocation, mark);
        return;
      case 'policy':
        this.#versions.set(subject, value.version);
        this.#policies.set(value.tenantId, { revision: value.policy.revision, mark });
        this.#policyNews.set(value.tenantId, value.policy.revision);
        return;
      case 'device':
        this.#versions.set(subject, value.version);
        if (value.status === 'active') {
          this.#offboarded.delete(value.deviceId);
        } else {
          this.#offboarded.set(value.deviceId, value.entries ?? 'keep-until-expiry');
          this.#offboardedNews.push(value.deviceId);
        }
        return;
      case 'tenant':
      case 'token':
      case 'classifier':
        return;
    }
  }

  /** Drops what ended so long ago that no living cursor is from before. */
  forget(nowMs: number): void {
    const living = this.#ended.findIndex(({ atMs }) => atMs + this.#options.tombstoneDelayMs > nowMs);
    for (const ended of this.#ended.splice(0, living < 0 ? this.#ended.length : living)) {
      const scope = this.#scopes.get(ended.scope);
      if (scope?.table.hasEnded(ended.id) !== true) continue;
      scope.remove(ended.id);
      this.#dropEmpty(ended.scope);
    }
  }

  #scope(name: string): Scope {
    const held = this.#scopes.get(name);
    if (held !== undefined) return held;
    const scope = new Scope(name, this.#forms);
    this.#scopes.set(name, scope);
    return scope;
  }

  #dropEmpty(scopeName: string): void {
    if (this.#scopes.get(scopeName)?.table.size === 0) this.#scopes.delete(scopeName);
  }

  #put(scope: Scope, change: StateChange, mark: LogMark): void {
    scope.put(change, mark);
    const ids = this.#changed.get(scope.name);
    if (ids === undefined) this.#changed.set(scope.name, new Set([change.data.id]));
    else ids.add(change.data.id);
  }

  #bury(scopeName: string, id: EntryId, mark: LogMark, appendedAt: number): void {
    const scope = this.#scopes.get(scopeName);
    const held = scope?.table.get(id);
    if (scope === undefined || held === undefined) return;
    if (held.event === 'entry') {
      const data = revocationOf(held.data, held.data.revision + 1, 'expired', toTimestamp(appendedAt));
      this.#put(scope, { event: 'revocation', data }, mark);
    }
    scope.table.end(id);
    this.#ended.push({ atMs: appendedAt, scope: scopeName, id });
  }

  #buryControl(key: string, mark: LogMark, appendedAt: number): void {
    this.#versions.delete(key);
    const id = entryIdSchema.safeParse(key.slice(key.indexOf(':') + 1));
    const owner = key.startsWith('own:') && id.success ? this.#owners.get(id.data) : undefined;
    if (owner === undefined || !id.success) return;
    const { tenantId, deviceIds } = owner;
    const tenantScope = this.#scope(subjectKey({ tenantId, deviceId: null }));
    const [deviceId] = deviceIds;
    const targeted =
      deviceId === undefined
        ? undefined
        : this.#scopes.get(subjectKey({ tenantId, deviceId }))?.table.get(id.data);
    // The tenant's scope speaks for all, so that a later entry of this id finds nothing left at single devices.
    if (targeted?.event === 'entry') tenantScope.put(targeted, mark);
    this.#setOwner(id.data, { tenantId, deviceIds: [] });
    this.#owners.delete(id.data);
    this.#bury(tenantScope.name, id.data, mark, appendedAt);
  }

  #putOwn(tenantId: TenantId, entry: OwnEntry, mark: LogMark): void {
    const tenantScope = this.#scope(subjectKey({ tenantId, deviceId: null }));
    const deviceIds = 'all' in entry.targets ? [] : entry.targets.deviceIds;
    this.#setOwner(entry.id, { tenantId, deviceIds });
    if ('all' in entry.targets) {
      this.#put(tenantScope, { event: 'entry', data: entry }, mark);
      return;
    }
    for (const deviceId of deviceIds) {
      this.#put(this.#scope(subjectKey({ tenantId, deviceId })), { event: 'entry', data: entry }, mark);
    }
    if (entry.revision === 1) return;
    const data = revocationOf(entry, entry.revision, 'override-withdrawn', entry.decidedAt);
    this.#put(tenantScope, { event: 'revocation', data }, mark);
  }

  #revokeOwn(tenantId: TenantId, revocation: Revocation, mark: LogMark): void {
    this.#setOwner(revocation.id, { tenantId, deviceIds: [] });
    this.#put(
      this.#scope(subjectKey({ tenantId, deviceId: null })),
      { event: 'revocation', data: revocation },
      mark,
    );
  }

  /** Takes the entry from the devices that it is no longer for; the row of the tenant's scope tells them. */
  #setOwner(id: EntryId, owner: OwnerOf): void {
    const { tenantId } = owner;
    for (const deviceId of this.#owners.get(id)?.deviceIds ?? []) {
      if (owner.deviceIds.includes(deviceId)) continue;
      const name = subjectKey({ tenantId, deviceId });
      this.#scopes.get(name)?.remove(id);
      this.#dropEmpty(name);
      this.#changed.get(name)?.delete(id);
    }
    this.#owners.set(id, owner);
  }
}
