import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { OwnEntry } from '../../contracts/entry.ts';
import { entryIdSchema, type EntryId, type TenantId } from '../../contracts/ids.ts';

interface Held {
  readonly tenantId: TenantId;
  readonly entry: OwnEntry;
}

/** What the analysts of each tenant decided, by artifact. */
export class OwnEntries {
  readonly #byId = new Map<EntryId, Held>();
  readonly #byArtifact = new Map<string, readonly OwnEntry[]>();

  put(tenantId: TenantId, entry: OwnEntry): void {
    this.remove(entry.id);
    this.#byId.set(entry.id, { tenantId, entry });
    const name = nameOf(tenantId, entry.key);
    this.#byArtifact.set(name, [...(this.#byArtifact.get(name) ?? []), entry]);
  }

  remove(id: EntryId): void {
    const held = this.#byId.get(id);
    if (held === undefined) return;
    this.#byId.delete(id);
    const name = nameOf(held.tenantId, held.entry.key);
    const left = (this.#byArtifact.get(name) ?? []).filter((entry) => entry.id !== id);
    if (left.length > 0) this.#byArtifact.set(name, left);
    else this.#byArtifact.delete(name);
  }

  /** @param recordKey of the control topic; others than own entries are ignored */
  removeByRecordKey(recordKey: string): void {
    const id = entryIdSchema.safeParse(recordKey.slice('own:'.length));
    if (recordKey.startsWith('own:') && id.success) this.remove(id.data);
  }

  of(tenantId: TenantId, key: ArtifactKey): readonly OwnEntry[] {
    return this.#byArtifact.get(nameOf(tenantId, key)) ?? [];
  }
}

function nameOf(tenantId: TenantId, key: ArtifactKey): string {
  return `${tenantId} ${key}`;
}
