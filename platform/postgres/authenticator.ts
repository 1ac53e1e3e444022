import { timingSafeEqual } from 'node:crypto';
import type pg from 'pg';
import { FirebreakError } from '../../contracts/errors.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { ControlRecord } from '../../contracts/records.ts';
import type { Authenticator, Principal } from '../http/route.ts';
import type { Part } from '../lifecycle/part.ts';
import { isDatabaseAway } from './failure.ts';
import { LastUseWriter } from './last-use-writer.ts';
import { findPrincipal, type Finding, type Refusal } from './principal-lookup.ts';
import { hashSecret, secretPrefix } from './secret.ts';

export interface AuthenticatorOptions {
  /** Logs in as `firebreak_config`. */
  readonly pool: Pick<pg.Pool, 'query'>;
  readonly limits: Pick<Limits, 'authCacheMs'>;
  /** SHA-256 of the operator's token. */
  readonly operatorHash: Buffer;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Told when last uses could not be written; they are tried again. */
  readonly onWriteFailed?: (error: unknown) => void;
}

/** A part too: its `start` begins to write when tokens and devices were last seen, its `stop` writes what is left. */
export interface PostgresAuthenticator extends Authenticator, Part {
  /** Forgets who a change of configuration concerns. Feed it every record of the control topic. */
  invalidate(record: ControlRecord): void;
}

interface Cached {
  readonly finding: Finding;
  readonly checkedAtMs: number;
}

const knownEntries = 100_000;
const refusedEntries = 10_000;
const refusedLifeMs = 5_000;
/** While the database is away it is asked at most this often, so that callers with a known token do not wait. */
const awayPauseMs = 1_000;

const details: Readonly<Record<Refusal, string>> = {
  FB_CREDENTIAL_UNKNOWN: 'Nobody has this credential.',
  FB_CREDENTIAL_EXPIRED: 'The credential was valid once and is no longer.',
  FB_DEVICE_OFFBOARDED: 'The device of this credential was taken out of service by its organization.',
  FB_TENANT_SUSPENDED: 'The operator suspended the organization of this credential.',
};

/**
 * Authenticates by PostgreSQL. A finding is used for `authCacheMs`; while the database is away it is used for longer,
 * until it expires or is invalidated. Refusals are kept for 5 s at most. Enrolment keys are never kept: they are rare,
 * and enrolling needs the database anyway.
 */
export function createAuthenticator(options: AuthenticatorOptions): PostgresAuthenticator {
  return new CachingAuthenticator(options);
}

class CachingAuthenticator implements PostgresAuthenticator {
  readonly name = 'authenticator';
  readonly #options: AuthenticatorOptions;
  readonly #now: () => number;
  readonly #lastUse: LastUseWriter;
  /** By the digest of the token, oldest first; tokens themselves are not kept. */
  readonly #found = new Map<string, Cached>();
  readonly #refused = new Map<string, Cached>();
  readonly #asking = new Map<string, Promise<Finding>>();
  #generation = 0;
  #awayUntilMs = 0;

  constructor(options: AuthenticatorOptions) {
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#lastUse = new LastUseWriter(options.pool, options.onWriteFailed);
  }

  async start(): Promise<void> {
    this.#lastUse.start();
  }

  async stop(): Promise<void> {
    await this.#lastUse.stop();
  }

  async authenticate(token: string): Promise<Principal> {
    const hash = hashSecret(token);
    if (timingSafeEqual(hash, this.#options.operatorHash)) return { kind: 'operator' };
    const prefix = secretPrefix(token);
    if (prefix === null || prefix === 'fbo_') throw refusal('FB_CREDENTIAL_UNKNOWN');
    const key = hash.toString('base64');
    const finding = this.#fresh(key) ?? (await this.#ask(key, prefix, hash));
    if (finding.kind === 'refused') throw refusal(finding.code);
    if (finding.expiresAtMs <= this.#now()) throw refusal('FB_CREDENTIAL_EXPIRED');
    this.#lastUse.note(finding.principal, this.#now());
    return finding.principal;
  }

  invalidate(record: ControlRecord): void {
    // A lookup that is under way may have read the row before the change: its answer is used once and not kept.
    if (record.kind === 'tenant' || record.kind === 'device' || record.kind === 'token')
      this.#generation += 1;
    switch (record.kind) {
      case 'tenant':
        this.#refused.clear();
        return this.#forget((principal) => principal.tenantId === record.tenantId);
      case 'device':
        this.#refused.clear();
        return this.#forget(
          (principal) => principal.kind === 'device' && principal.deviceId === record.deviceId,
        );
      case 'token':
        return this.#forget(
          (principal) => principal.kind === 'person' && principal.tokenId === record.tokenId,
        );
      case 'policy':
      case 'own-entry':
      case 'own-revocation':
      case 'classifier':
        return;
    }
  }

  #fresh(key: string): Finding | null {
    const found = this.#found.get(key);
    if (found !== undefined && this.#now() - found.checkedAtMs < this.#options.limits.authCacheMs)
      return found.finding;
    const refused = this.#refused.get(key);
    if (refused !== undefined && this.#now() - refused.checkedAtMs < refusedLifeMs) return refused.finding;
    return null;
  }

  /** One question at a time per token, however many callers hold it. */
  #ask(key: string, prefix: 'fbe_' | 'fbd_' | 'fbu_', hash: Buffer): Promise<Finding> {
    const known = this.#found.get(key);
    if (known !== undefined && this.#now() < this.#awayUntilMs) return Promise.resolve(known.finding);
    const running = this.#asking.get(key);
    if (running !== undefined) return running;
    const asking = this.#lookUp(key, prefix, hash).finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  async #lookUp(key: string, prefix: 'fbe_' | 'fbd_' | 'fbu_', hash: Buffer): Promise<Finding> {
    const generation = this.#generation;
    try {
      const finding = await findPrincipal(this.#options.pool, prefix, hash);
      this.#awayUntilMs = 0;
      if (generation === this.#generation && prefix !== 'fbe_') this.#keep(key, finding);
      return finding;
    } catch (error) {
      const known = this.#found.get(key);
      if (known === undefined || !isDatabaseAway(error)) throw error;
      this.#awayUntilMs = this.#now() + awayPauseMs;
      return known.finding;
    }
  }

  #keep(key: string, finding: Finding): void {
    const cached = { finding, checkedAtMs: this.#now() };
    this.#found.delete(key);
    if (finding.kind === 'refused') return put(this.#refused, key, cached, refusedEntries);
    this.#refused.delete(key);
    const { principal } = finding;
    // Its first use ended the older credentials of the device.
    if (finding.firstUse && principal.kind === 'device')
      this.#forget((other) => other.kind === 'device' && other.deviceId === principal.deviceId);
    put(this.#found, key, cached, knownEntries);
  }

  #forget(concerns: (principal: Extract<Finding, { kind: 'found' }>['principal']) => boolean): void {
    for (const [key, { finding }] of this.#found) {
      if (finding.kind === 'found' && concerns(finding.principal)) this.#found.delete(key);
    }
  }
}

function put(map: Map<string, Cached>, key: string, value: Cached, most: number): void {
  if (map.size >= most) {
    const oldest = map.keys().next();
    if (!oldest.done) map.delete(oldest.value);
  }
  map.set(key, value);
}

function refusal(code: Refusal): FirebreakError {
  return new FirebreakError(code, details[code]);
}
