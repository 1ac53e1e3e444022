import type pg from 'pg';
import type { ErrorCode } from '../../contracts/errors.ts';
import { roleSchema } from '../../contracts/domain.ts';
import { deviceIdSchema, tenantIdSchema } from '../../contracts/ids.ts';
import type { Principal } from '../http/route.ts';
import { orUnavailable } from './failure.ts';
import type { SecretPrefix } from './secret.ts';

/** Why a token is not taken. */
export type Refusal = Extract<
  ErrorCode,
  'FB_CREDENTIAL_UNKNOWN' | 'FB_CREDENTIAL_EXPIRED' | 'FB_DEVICE_OFFBOARDED' | 'FB_TENANT_SUSPENDED'
>;

export type Finding =
  | { readonly kind: 'refused'; readonly code: Refusal }
  | {
      readonly kind: 'found';
      readonly principal: Exclude<Principal, { kind: 'public' | 'operator' }>;
      /** Milliseconds since 1970; infinite where it does not expire. */
      readonly expiresAtMs: number;
      /** The credential was never used before. */
      readonly firstUse: boolean;
    };

interface Row {
  readonly id: string;
  readonly tenant_id: string;
  readonly suspended: boolean;
  readonly ended: boolean;
  readonly expires_at: Date | null;
}
type TokenRow = Row & { readonly name: string; readonly role: string };
type KeyRow = Row & { readonly tags: string[] };
type CredentialRow = Row & {
  readonly device_id: string;
  readonly offboarded: boolean;
  readonly fresh: boolean;
};

/**
 * Finds who a secret belongs to. The first use of a device credential ends the older ones of the device.
 *
 * @throws FirebreakError FB_DATABASE_UNAVAILABLE
 */
export async function findPrincipal(
  pool: Pick<pg.Pool, 'query'>,
  prefix: Exclude<SecretPrefix, 'fbo_'>,
  hash: Buffer,
): Promise<Finding> {
  return orUnavailable(() => {
    switch (prefix) {
      case 'fbd_':
        return findDevice(pool, hash);
      case 'fbu_':
        return findPerson(pool, hash);
      case 'fbe_':
        return findEnrollment(pool, hash);
    }
  });
}

async function findDevice(pool: Pick<pg.Pool, 'query'>, hash: Buffer): Promise<Finding> {
  const { rows } = await pool.query<CredentialRow>({
    name: 'find-device',
    text: `select c.id, c.tenant_id, c.device_id, c.expires_at, t.trust = 'suspended' as suspended, false as ended,
                  d.status = 'offboarded' as offboarded, c.first_used_at is null as fresh
             from config.device_credentials c
             join config.devices d on d.id = c.device_id
             join config.tenants t on t.id = c.tenant_id
            where c.secret_hash = $1`,
    values: [hash],
  });
  const row = rows[0];
  if (row === undefined) return refused('FB_CREDENTIAL_UNKNOWN');
  if (row.offboarded) return refused('FB_DEVICE_OFFBOARDED');
  const refusal = refusalOf(row);
  if (refusal !== null) return refusal;
  if (row.fresh) await retireOlder(pool, row);
  const tenantId = tenantIdSchema.parse(row.tenant_id);
  const deviceId = deviceIdSchema.parse(row.device_id);
  return found(row, { kind: 'device', tenantId, deviceId, credentialId: row.id }, row.fresh);
}

async function retireOlder(pool: Pick<pg.Pool, 'query'>, row: CredentialRow): Promise<void> {
  await pool.query(
    `with used as (
       update config.device_credentials set first_used_at = clock_timestamp() where id = $1 returning device_id, created_at)
     update config.device_credentials c set expires_at = clock_timestamp()
       from used
      where c.device_id = used.device_id and c.created_at < used.created_at and c.id <> $1
        and (c.expires_at is null or c.expires_at > clock_timestamp())`,
    [row.id],
  );
}

async function findPerson(pool: Pick<pg.Pool, 'query'>, hash: Buffer): Promise<Finding> {
  const { rows } = await pool.query<TokenRow>({
    name: 'find-person',
    text: `select k.id, k.tenant_id, k.name, k.role, k.expires_at, k.revoked_at is not null as ended,
                  t.trust = 'suspended' as suspended
             from config.tokens k join config.tenants t on t.id = k.tenant_id
            where k.secret_hash = $1`,
    values: [hash],
  });
  return unlessRefused(rows[0], (row) => ({
    kind: 'person',
    tenantId: tenantIdSchema.parse(row.tenant_id),
    tokenId: row.id,
    name: row.name,
    role: roleSchema.parse(row.role),
  }));
}

async function findEnrollment(pool: Pick<pg.Pool, 'query'>, hash: Buffer): Promise<Finding> {
  const { rows } = await pool.query<KeyRow>({
    name: 'find-enrollment',
    text: `select k.id, k.tenant_id, k.tags, k.expires_at, k.revoked_at is not null as ended,
                  t.trust = 'suspended' as suspended
             from config.enrollment_keys k join config.tenants t on t.id = k.tenant_id
            where k.secret_hash = $1`,
    values: [hash],
  });
  return unlessRefused(rows[0], (row) => ({
    kind: 'enrollment',
    tenantId: tenantIdSchema.parse(row.tenant_id),
    keyId: row.id,
    tags: row.tags,
  }));
}

/** A withdrawn secret is as unknown as one that never was; only time makes one expired. */
function refusalOf(row: Row): Finding | null {
  if (row.ended) return refused('FB_CREDENTIAL_UNKNOWN');
  if (row.expires_at !== null && row.expires_at.getTime() <= Date.now())
    return refused('FB_CREDENTIAL_EXPIRED');
  return row.suspended ? refused('FB_TENANT_SUSPENDED') : null;
}

/** @param row what the secret's hash led to, if anything */
function unlessRefused<Found extends Row>(
  row: Found | undefined,
  principalOf: (row: Found) => Extract<Finding, { kind: 'found' }>['principal'],
): Finding {
  if (row === undefined) return refused('FB_CREDENTIAL_UNKNOWN');
  return refusalOf(row) ?? found(row, principalOf(row));
}

function refused(code: Refusal): Finding {
  return { kind: 'refused', code };
}

function found(
  row: Row,
  principal: Extract<Finding, { kind: 'found' }>['principal'],
  firstUse = false,
): Finding {
  const expiresAtMs = row.expires_at?.getTime() ?? Number.POSITIVE_INFINITY;
  return { kind: 'found', principal, expiresAtMs, firstUse };
}
