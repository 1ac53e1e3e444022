import type { TenantId } from '../../contracts/ids.ts';

/** How much a report is worth when not all can be taken: one of an artifact that is judged already tells the least. */
export type Worth = 'first-seen' | 'known';

/**
 * Bounds what waits for the log, in bytes of reports, and shares it out: with n tenants at work each may have the
 * (n + 1)th part of it, so that there is always room for one more. Repeats of known artifacts are shed first: they get
 * half of everything, and nothing while decisions are late. What is new is taken however late they are: the log keeps it.
 */
export class Admission {
  readonly #totalBytes: number;
  readonly #isLate: () => boolean;
  readonly #byTenant = new Map<TenantId, number>();
  #usedBytes = 0;

  /** @param isLate whether reports wait too long for their decision */
  constructor(totalBytes: number, isLate: () => boolean) {
    this.#totalBytes = totalBytes;
    this.#isLate = isLate;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** @returns whether the bytes are taken; then they are the caller's until `release` */
  tryTake(tenantId: TenantId, bytes: number, worth: Worth): boolean {
    if (worth === 'known' && this.#isLate()) return false;
    const part = worth === 'known' ? 0.5 : 1;
    const before = this.#byTenant.get(tenantId);
    const tenants = this.#byTenant.size + (before === undefined ? 1 : 0);
    const shareBytes = this.#totalBytes / (tenants + 1);
    const own = (before ?? 0) + bytes;
    // However small the share, somebody with nothing under way may send one.
    const withinShare = before === undefined || own <= shareBytes * part;
    if (!withinShare || this.#usedBytes + bytes > this.#totalBytes * part) return false;
    this.#byTenant.set(tenantId, own);
    this.#usedBytes += bytes;
    return true;
  }

  release(tenantId: TenantId, bytes: number): void {
    if (bytes === 0) return;
    const left = (this.#byTenant.get(tenantId) ?? 0) - bytes;
    this.#usedBytes -= bytes;
    if (left > 0) this.#byTenant.set(tenantId, left);
    else this.#byTenant.delete(tenantId);
  }
}
