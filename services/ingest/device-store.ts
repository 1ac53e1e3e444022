import { v7 as uuidv7 } from 'uuid';
import { FirebreakError } from '../../contracts/errors.ts';
import { runningModeSchema, type RunningMode } from '../../contracts/domain.ts';
import {
  deviceIdSchema,
  tenantIdSchema,
  toTimestamp,
  type DeviceId,
  type TenantId,
} from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { Principal } from '../../platform/http/route.ts';
import { orUnavailable } from '../../platform/postgres/failure.ts';
import { enqueueControl } from '../../platform/postgres/outbox.ts';
import { inTransaction, type DatabaseClient, type DatabasePool } from '../../platform/postgres/pool.ts';
import { createSecret } from '../../platform/postgres/secret.ts';
import { storableText } from '../../platform/postgres/text.ts';
import type { AgentStatus, Devices, EnrolledDevice, Enrollment } from './devices.ts';

export interface DeviceStoreDependencies {
  /** Logs in as `firebreak_config`. */
  readonly pool: DatabasePool;
  readonly limits: Pick<Limits, 'credentialGraceMs'>;
  /** Sends what a change left in the outbox. */
  readonly poke: () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface DeviceRow {
  readonly id: string;
  readonly tenant_id: string;
  readonly version: number;
  readonly host: EnrolledDevice['device']['host'];
  readonly agent: EnrolledDevice['device']['agent'];
  readonly running_mode: RunningMode;
  readonly tags: string[];
  readonly created_at: Date;
  readonly last_seen_at: Date | null;
}

const columns = 'id, tenant_id, version, host, agent, running_mode, tags, created_at, last_seen_at';
/** An agent renews about once a day; more is a loop gone wrong. */
const renewalsPerHour = 10;
const modesKept = 50_000;
/** Another instance may have heard of a change. */
const modeLifeMs = 60_000;

/** Devices in PostgreSQL, schema `config`. */
export class DeviceStore implements Devices {
  readonly #deps: DeviceStoreDependencies;
  readonly #modes = new Map<DeviceId, { readonly mode: RunningMode; readonly atMs: number }>();

  constructor(dependencies: DeviceStoreDependencies) {
    this.#deps = dependencies;
  }

  async enroll(
    key: Extract<Principal, { kind: 'enrollment' }>,
    enrollment: Enrollment,
  ): Promise<EnrolledDevice> {
    const { pool, poke } = this.#deps;
    const enrolled = await orUnavailable(() =>
      inTransaction(pool, async (client) => {
        const inserted = await insertDevice(client, key, enrollment);
        const row = inserted ?? (await reviveDevice(client, key.tenantId, enrollment));
        if (inserted !== null) await countUse(client, key.keyId);
        const credential = await insertCredential(client, row);
        const action = inserted === null ? 'device.enrolled-again' : 'device.enrolled';
        await client.query(
          'insert into config.audit_log (id, tenant_id, actor, action, subject) values ($1, $2, $3, $4, $5)',
          [uuidv7(), key.tenantId, `enrolment key ${key.keyId}`, action, row.id],
        );
        return { device: deviceOf(row), credential, fresh: inserted !== null };
      }),
    );
    this.#remember(deviceIdSchema.parse(enrolled.device.id), enrollment.runningMode);
    if (!enrolled.fresh) poke();
    return enrolled;
  }

  async renewCredential(tenantId: TenantId, deviceId: DeviceId): Promise<string> {
    const { pool, limits } = this.#deps;
    return orUnavailable(() =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ recent: number }>(
          `select count(*)::integer as recent from config.device_credentials
            where device_id = $1 and created_at > clock_timestamp() - interval '1 hour'`,
          [deviceId],
        );
        if ((rows[0]?.recent ?? 0) >= renewalsPerHour) {
          const detail = `A device renews its credential at most ${renewalsPerHour} times an hour.`;
          throw new FirebreakError('FB_RATE_LIMITED', detail, { retryAfterMs: 600_000 });
        }
        // One that nobody used was lost on its way: its successor takes its place.
        await client.query(
          `update config.device_credentials
              set expires_at = case when first_used_at is null then clock_timestamp()
                                    else least(expires_at, clock_timestamp() + $2 * interval '1 millisecond') end
            where device_id = $1 and (expires_at is null or expires_at > clock_timestamp())`,
          [deviceId, limits.credentialGraceMs],
        );
        return insertCredential(client, { id: deviceId, tenant_id: tenantId });
      }),
    );
  }

  async putStatus(tenantId: TenantId, deviceId: DeviceId, status: AgentStatus): Promise<void> {
    await orUnavailable(() =>
      this.#deps.pool.query({
        name: 'put-agent-status',
        text: `update config.devices
                  set agent_status = $3, agent = $4, capabilities = $5, running_mode = $6, last_seen_at = clock_timestamp()
                where id = $2 and tenant_id = $1`,
        values: [
          tenantId,
          deviceId,
          JSON.stringify(status),
          JSON.stringify(status.agent),
          JSON.stringify(status.capabilities),
          status.runningMode,
        ],
      }),
    );
    this.#remember(deviceId, status.runningMode);
  }

  async runningModeOf(tenantId: TenantId, deviceId: DeviceId): Promise<RunningMode> {
    const known = this.#modes.get(deviceId);
    if (known !== undefined && this.#deps.now() - known.atMs < modeLifeMs) return known.mode;
    const { rows } = await this.#deps.pool
      .query<{ running_mode: string }>({
        name: 'running-mode',
        text: 'select running_mode from config.devices where id = $2 and tenant_id = $1',
        values: [tenantId, deviceId],
      })
      .catch(() => ({ rows: [] }));
    const mode = runningModeSchema.safeParse(rows[0]?.running_mode);
    if (!mode.success) return known?.mode ?? 'active';
    this.#remember(deviceId, mode.data);
    return mode.data;
  }

  #remember(deviceId: DeviceId, mode: RunningMode): void {
    this.#modes.delete(deviceId);
    this.#modes.set(deviceId, { mode, atMs: this.#deps.now() });
    if (this.#modes.size <= modesKept) return;
    for (const oldest of this.#modes.keys()) {
      this.#modes.delete(oldest);
      return;
    }
  }
}

/** @returns null when the installation is enrolled already */
async function insertDevice(
  client: DatabaseClient,
  key: Extract<Principal, { kind: 'enrollment' }>,
  { installationId, host, agent, capabilities, runningMode }: Enrollment,
): Promise<DeviceRow | null> {
  const { rows } = await client.query<DeviceRow>(
    `insert into config.devices (id, tenant_id, installation_id, host, agent, capabilities, running_mode, tags)
     values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (tenant_id, installation_id) do nothing returning ${columns}`,
    [
      uuidv7(),
      key.tenantId,
      storableText(installationId),
      JSON.stringify(host),
      JSON.stringify(agent),
      JSON.stringify(capabilities),
      runningMode,
      key.tags,
    ],
  );
  return rows[0] ?? null;
}

/** The device as it is now, back in service if it was not; every credential that it had dies, wherever it is cached. */
async function reviveDevice(
  client: DatabaseClient,
  tenantId: TenantId,
  { installationId, host, agent, capabilities, runningMode }: Enrollment,
): Promise<DeviceRow> {
  const { rows } = await client.query<DeviceRow>(
    `update config.devices
        set status = 'active', version = version + 1, host = $3, agent = $4, capabilities = $5, running_mode = $6
      where tenant_id = $1 and installation_id = $2 returning ${columns}`,
    [
      tenantId,
      storableText(installationId),
      JSON.stringify(host),
      JSON.stringify(agent),
      JSON.stringify(capabilities),
      runningMode,
    ],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('A device that was there a moment ago is gone.');
  await client.query(
    `update config.device_credentials set expires_at = clock_timestamp()
      where device_id = $1 and (expires_at is null or expires_at > clock_timestamp())`,
    [row.id],
  );
  const deviceId = deviceIdSchema.parse(row.id);
  await enqueueControl(client, {
    kind: 'device',
    version: row.version,
    tenantId,
    deviceId,
    status: 'active',
  });
  return row;
}

async function countUse(client: DatabaseClient, keyId: string): Promise<void> {
  const { rowCount } = await client.query(
    `update config.enrollment_keys set uses = uses + 1
      where id = $1 and revoked_at is null and (max_uses is null or uses < max_uses)`,
    [keyId],
  );
  if (rowCount === 1) return;
  throw new FirebreakError('FB_ENROLLMENT_KEY_USED_UP', 'No more devices enrol with this key.');
}

async function insertCredential(
  client: DatabaseClient,
  device: { readonly id: string; readonly tenant_id: string },
): Promise<string> {
  const { secret, hash } = createSecret('fbd_');
  await client.query(
    'insert into config.device_credentials (id, tenant_id, device_id, secret_hash) values ($1, $2, $3, $4)',
    [uuidv7(), device.tenant_id, device.id, hash],
  );
  return secret;
}

function deviceOf(row: DeviceRow): EnrolledDevice['device'] {
  return {
    id: deviceIdSchema.parse(row.id),
    tenantId: tenantIdSchema.parse(row.tenant_id),
    status: 'active',
    host: row.host,
    agent: row.agent,
    runningMode: row.running_mode,
    tags: row.tags,
    createdAt: toTimestamp(row.created_at.getTime()),
    lastSeenAt: row.last_seen_at === null ? null : toTimestamp(row.last_seen_at.getTime()),
  };
}
