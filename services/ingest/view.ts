import type { ArtifactKey } from '../../contracts/artifact.ts';
import { entryId, subjectKey, type Subject } from '../../contracts/canonical.ts';
import type { Reach } from '../../contracts/domain.ts';
import type { Entry, OwnEntry } from '../../contracts/entry.ts';
import {
  toTimestamp,
  type DeviceId,
  type EntryId,
  type ReportId,
  type TenantId,
} from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import { defaultPolicy, type Policy } from '../../contracts/policy.ts';
import type { Answer, ControlRecord, VerdictRecord } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import { inForce } from '../../engine/effective/effective.ts';
import { isNews, readVerdictKey } from '../../engine/stream/apply.ts';
import { belongsToState } from '../../engine/stream/change.ts';
import { EntryTable } from '../../engine/stream/entry-table.ts';
import { AnswerCache } from './answer-cache.ts';
import { OwnEntries } from './own-entries.ts';

/** Whose report decided an entry: told to that device only. */
export interface Origin {
  readonly entryId: EntryId;
  readonly deviceId: DeviceId;
  readonly reportId: ReportId;
  readonly processEntityId?: string;
}

/** Who may now find something in force for an artifact, where there was nothing or something else before. */
export interface Decided {
  readonly key: ArtifactKey;
  readonly subject: Subject;
  readonly origin: Origin | null;
}

/**
 * What is in force, in memory, as `verdicts`, `control` and `answers` say: malicious and suspicious entries whole and
 * packed, own entries and policies whole, "no threats found" as a bounded cache. Applying a record twice, or records of
 * a stalled writer, changes nothing (`isNews`).
 */
export class View {
  readonly #decided = new EntryTable();
  /** Tenants and devices that have ever had a row: for all others nothing need be looked up. */
  readonly #subjects = new Set<string>();
  readonly #answers: AnswerCache;
  readonly #own = new OwnEntries();
  readonly #policies = new Map<TenantId, Policy>();
  readonly #versions = new Map<string, number>();

  constructor(limits: Pick<Limits, 'benignCacheEntries'>) {
    this.#answers = new AnswerCache(limits.benignCacheEntries);
  }

  /** Entries held, for the metrics. */
  get size(): { readonly decided: number; readonly answers: number } {
    return { decided: this.#decided.size, answers: this.#answers.size };
  }

  policyOf(tenantId: TenantId): Policy {
    return this.#policies.get(tenantId) ?? defaultPolicy;
  }

  /**
   * @param nowMs milliseconds since 1970
   * @returns every entry in force for the device: own ones of its tenant (also those for other devices: `effective`
   *   tells), decided ones of the ecosystem, the tenant and the device, "no threats found" included
   */
  forCaller(key: ArtifactKey, tenantId: TenantId, deviceId: DeviceId, nowMs: number): readonly Entry[] {
    const found: Entry[] = [];
    const own = this.#own.of(tenantId, key);
    if (own.length > 0) found.push(...own.filter((entry) => inForce(entry, toTimestamp(nowMs))));
    this.#findDecided(found, key, 'ecosystem', everybody, nowMs);
    this.#findDecided(found, key, 'tenant', { tenantId, deviceId: null }, nowMs);
    this.#findDecided(found, key, 'device', { tenantId, deviceId }, nowMs);
    return found;
  }

  /** @returns who may be waiting for it; nobody when the record changed nothing that one waits for */
  applyVerdict(recordKey: string, record: VerdictRecord | null): readonly Decided[] {
    if (record === null) {
      const dead = readVerdictKey(recordKey);
      if (dead !== null) this.#decided.remove(dead.id);
      return [];
    }
    const { id, revision } = record.kind === 'entry' ? record.entry : record.revocation;
    if (!isNews(this.#decided.revisionOf(id), revision)) return [];
    this.#subjects.add(subjectKey(record.subject));
    if (record.kind === 'revocation') {
      this.#decided.put({ event: 'revocation', data: record.revocation });
      return [];
    }
    const { subject, entry, origin } = record;
    this.#decided.put({ event: 'entry', data: entry });
    if (belongsToState(entry)) this.#answers.forget(entry.key, subject);
    return [{ key: entry.key, subject, origin: { ...origin, entryId: id } }];
  }

  /** @returns as `applyVerdict` */
  applyAnswer({ artifactKey, subject, entry, origin }: Answer): readonly Decided[] {
    this.#answers.put(subject, entry);
    return [{ key: artifactKey, subject, origin: { ...origin, entryId: entry.id } }];
  }

  /** @returns as `applyVerdict` */
  applyControl(recordKey: string, record: ControlRecord | null): readonly Decided[] {
    if (record === null) {
      this.#versions.delete(recordKey);
      this.#own.removeByRecordKey(recordKey);
      return [];
    }
    if (record.kind !== 'policy' && record.kind !== 'own-entry' && record.kind !== 'own-revocation')
      return [];
    const subject = topics.control.keyOf(record);
    if (!isNews(this.#versions.get(subject), record.version)) return [];
    this.#versions.set(subject, record.version);
    switch (record.kind) {
      case 'policy':
        this.#policies.set(record.tenantId, record.policy);
        return [];
      case 'own-revocation':
        this.#own.remove(record.revocation.id);
        return [];
      case 'own-entry':
        this.#own.put(record.tenantId, record.entry);
        return reachedBy(record.tenantId, record.entry);
    }
  }

  #findDecided(found: Entry[], key: ArtifactKey, reach: Reach, subject: Subject, nowMs: number): void {
    const name = subjectKey(subject);
    if (this.#subjects.has(name)) {
      const change = this.#decided.get(entryId(key, reach, subject));
      if (change?.event === 'entry' && inForce(change.data, toTimestamp(nowMs))) found.push(change.data);
    }
    const answer = this.#answers.find(key, subject, nowMs);
    if (answer !== null) found.push(answer);
  }
}

const everybody: Subject = { tenantId: null, deviceId: null };

function reachedBy(tenantId: TenantId, { key, targets }: OwnEntry): readonly Decided[] {
  const deviceIds = 'all' in targets ? [null] : targets.deviceIds;
  return deviceIds.map((deviceId) => ({ key, subject: { tenantId, deviceId }, origin: null }));
}
