import { toEpochMs, type TenantId } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { AcceptedReport, StoredSample } from '../../contracts/records.ts';
import { mayBeSent } from '../../engine/effective/sample-consent.ts';
import type { Standing } from './standing.ts';
import type { View } from './view.ts';

export interface WantedSamplesOptions {
  readonly view: Pick<View, 'policyOf'>;
  readonly limits: Pick<Limits, 'sampleBytes' | 'sentSamples'>;
  /** This installation takes samples. */
  readonly isTaking: boolean;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

const nameOf = (tenantId: TenantId, artifactKey: string) => `${tenantId} ${artifactKey}`;

/**
 * Which files are asked for. What a tenant is asked depends on its own reports, its own policy and what it sent itself,
 * and on the verdicts in force: never on whether somebody else has sent the same bytes.
 */
export class WantedSamples {
  readonly #options: WantedSamplesOptions;
  /** Until when each is stored, the least recently sent first: what falls out may be asked for again, and is answered as sent. */
  readonly #sent = new Map<string, number>();

  constructor(options: WantedSamplesOptions) {
    this.#options = options;
  }

  /** A tenant has sent it: it is not asked for again before it expires. */
  sent({
    tenantId,
    artifactKey,
    expiresAt,
  }: Pick<StoredSample, 'tenantId' | 'artifactKey' | 'expiresAt'>): void {
    const name = nameOf(tenantId, artifactKey);
    this.#sent.delete(name);
    this.#sent.set(name, toEpochMs(expiresAt));
    if (this.#sent.size <= this.#options.limits.sentSamples) return;
    for (const oldest of this.#sent.keys()) {
      this.#sent.delete(oldest);
      return;
    }
  }

  get sentCount(): number {
    return this.#sent.size;
  }

  /**
   * Asked for where metadata gave no verdict: nothing was found, too little for a block, or no answer came in the time
   * that the device waited. A device that did not wait is asked when it reports the file again.
   *
   * @param standing what is in force for the device now
   * @param awaited the device waited for a verdict
   */
  isWanted(accepted: AcceptedReport, standing: Standing | null, awaited: boolean): boolean {
    const { artifactKey, tenantId, report, historyOnly } = accepted;
    const { isTaking, limits, view } = this.#options;
    if (!isTaking || historyOnly || !artifactKey.startsWith('file:sha256:')) return false;
    if (!isUndecided(standing, awaited) || this.#isSent(tenantId, artifactKey)) return false;
    const { file } = report;
    if ((file?.size ?? 0) > limits.sampleBytes) return false;
    return mayBeSent(view.policyOf(tenantId), {
      name: file?.name ?? null,
      isExecutable: file?.pe !== undefined,
    });
  }

  #isSent(tenantId: TenantId, artifactKey: string): boolean {
    const expiresAtMs = this.#sent.get(nameOf(tenantId, artifactKey));
    return expiresAtMs !== undefined && expiresAtMs > this.#options.now();
  }
}

function isUndecided(standing: Standing | null, awaited: boolean): boolean {
  if (standing === null) return awaited;
  // What an analyst decided needs no evidence.
  return standing.entry.source === 'decision' && standing.verdict !== 'malicious';
}
