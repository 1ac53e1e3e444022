import { FirebreakError } from '../../contracts/errors.ts';
import type { TenantId } from '../../contracts/ids.ts';

/** Of all slots: a fleet that sends everything at once leaves room for others. */
const shareOfOne = 4;

/** How many uploads run at a time, in the process and of one tenant. Nobody waits in line: who comes later is sent away. */
export class UploadSlots {
  readonly #most: number;
  readonly #byTenant = new Map<TenantId, number>();
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** @throws FB_RATE_LIMITED when there is no room, and what `work` throws */
  async run<Result>(tenantId: TenantId, work: () => Promise<Result>): Promise<Result> {
    const own = this.#byTenant.get(tenantId) ?? 0;
    if (this.#running >= this.#most || own >= Math.ceil(this.#most / shareOfOne)) {
      const detail = `${own} uploads of the organization are running here, ${this.#running} in all.`;
      throw new FirebreakError('FB_RATE_LIMITED', detail, { retryAfterMs: 5000 });
    }
    this.#running += 1;
    this.#byTenant.set(tenantId, own + 1);
    try {
      return await work();
    } finally {
      this.#running -= 1;
      const left = (this.#byTenant.get(tenantId) ?? 1) - 1;
      if (left === 0) this.#byTenant.delete(tenantId);
      else this.#byTenant.set(tenantId, left);
    }
  }
}
