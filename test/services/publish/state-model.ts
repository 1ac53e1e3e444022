import { subjectKey, type Subject } from '../../../contracts/canonical.ts';
import type { Entry } from '../../../contracts/entry.ts';
import type { ControlRecord, VerdictRecord } from '../../../contracts/records.ts';
import type { Caller } from '../../../services/publish/scope.ts';

/** What each caller must hold, by the rules alone: no packing, no scopes, no cuts. */
export class StateModel {
  readonly #verdicts = new Map<
    string,
    { readonly revision: number; readonly entry: Entry | null; readonly subject: Subject }
  >();
  readonly #own = new Map<
    string,
    { readonly version: number; readonly tenantId: string; readonly entry: Entry | null }
  >();

  verdict(key: string, record: VerdictRecord | null): void {
    if (record === null) {
      this.#verdicts.delete(key);
      return;
    }
    const { id, revision } = record.kind === 'entry' ? record.entry : record.revocation;
    const held = this.#verdicts.get(key);
    if (held !== undefined && held.revision >= revision) return;
    void id;
    this.#verdicts.set(key, {
      revision,
      entry: record.kind === 'entry' ? record.entry : null,
      subject: record.subject,
    });
  }

  control(key: string, record: ControlRecord | null): void {
    if (record === null) {
      this.#own.delete(key);
      return;
    }
    if (record.kind !== 'own-entry' && record.kind !== 'own-revocation') return;
    const held = this.#own.get(key);
    if (held !== undefined && held.version >= record.version) return;
    const { tenantId, version } = record;
    this.#own.set(key, { tenantId, version, entry: record.kind === 'own-entry' ? record.entry : null });
  }

  entriesOf({ tenantId, deviceId }: Caller): ReadonlyMap<string, Entry> {
    const names = ['ecosystem', tenantId, `${tenantId}/${deviceId}`];
    const entries = new Map<string, Entry>();
    for (const { entry, subject } of this.#verdicts.values()) {
      if (entry !== null && names.includes(subjectKey(subject))) entries.set(entry.id, entry);
    }
    for (const own of this.#own.values()) {
      if (own.entry?.source !== 'own' || own.tenantId !== tenantId) continue;
      const { targets } = own.entry;
      if ('all' in targets || targets.deviceIds.includes(deviceId)) entries.set(own.entry.id, own.entry);
    }
    return entries;
  }
}
