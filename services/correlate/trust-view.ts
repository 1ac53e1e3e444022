import type { Trust } from '../../contracts/domain.ts';
import type { TenantId } from '../../contracts/ids.ts';
import type { ControlRecord } from '../../contracts/records.ts';
import { isNews } from '../../engine/stream/apply.ts';

/** How far the operator trusts each tenant, as the control topic says. A tenant that it does not name is new. */
export class TrustView {
  readonly #trust = new Map<TenantId, { readonly version: number; readonly trust: Trust }>();

  /** A version that was seen, or an older one, changes nothing. */
  apply(record: ControlRecord): void {
    if (record.kind !== 'tenant') return;
    const held = this.#trust.get(record.tenantId)?.version;
    if (isNews(held, record.version)) this.#trust.set(record.tenantId, record);
  }

  readonly trustOf = (tenantId: TenantId): Trust => this.#trust.get(tenantId)?.trust ?? 'new';
}
