import { subjectKey } from '../../contracts/canonical.ts';
import type { DeviceId, TenantId } from '../../contracts/ids.ts';
import type { StateChange } from '../../engine/stream/change.ts';
import { emptyDigest, withEntry, withoutEntry, type StateDigest } from '../../engine/stream/digest.ts';
import type { LogMark } from '../../engine/stream/entry-chunk.ts';
import type { EntryForms } from '../../engine/stream/entry-form.ts';
import { EntryTable } from '../../engine/stream/entry-table.ts';

/** Whose stream it is. */
export interface Caller {
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
}

export const ecosystemScope = 'ecosystem';

/** @returns the names of the three scopes whose union is the caller's state */
export function scopeNames({ tenantId, deviceId }: Caller): readonly [string, string, string] {
  return [ecosystemScope, subjectKey({ tenantId, deviceId: null }), subjectKey({ tenantId, deviceId })];
}

/** What one audience holds (everybody, a tenant, a device): its rows, and count and digest of those in force. */
export class Scope {
  readonly name: string;
  readonly table: EntryTable;
  #digest: StateDigest = emptyDigest;

  constructor(name: string, forms: EntryForms) {
    this.name = name;
    this.table = new EntryTable(forms);
  }

  get digest(): StateDigest {
    return this.#digest;
  }

  /** @throws RangeError, with nothing changed, on a change that the table cannot hold exactly */
  put(change: StateChange, mark: LogMark): void {
    const held = this.table.get(change.data.id);
    this.table.put(change, mark);
    this.#leave(held);
    if (change.event === 'entry') this.#digest = withEntry(this.#digest, change.data);
  }

  remove(id: string): void {
    this.#leave(this.table.get(id));
    this.table.remove(id);
  }

  #leave(held: StateChange | undefined): void {
    if (held?.event === 'entry') this.#digest = withoutEntry(this.#digest, held.data);
  }
}
