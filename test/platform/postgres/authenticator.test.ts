import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import type { ErrorCode } from '../../../contracts/errors.ts';
import { deviceIdSchema, tenantIdSchema } from '../../../contracts/ids.ts';
import { createAuthenticator, type PostgresAuthenticator } from '../../../platform/postgres/authenticator.ts';
import { createSecret, type SecretPrefix } from '../../../platform/postgres/secret.ts';
import { startTestDatabase, type TestDatabase } from '../../support/postgres.ts';

let database: TestDatabase;
let owner: pg.Pool;
let away = false;
let questions = 0;
let nowMs = Date.now();
const operator = createSecret('fbo_');

/** The real pool, and a way to make the database vanish. */
const pool = {
  query: async (...args: unknown[]): Promise<unknown> => {
    questions += 1;
    if (away) throw Object.assign(new Error('connect ENOENT'), { code: 'ENOENT' });
    return database.pool('firebreak_config').query(...(args as [string]));
  },
} as Pick<pg.Pool, 'query'>;

function authenticator(): PostgresAuthenticator {
  return createAuthenticator({
    pool,
    limits: { authCacheMs: 30_000 },
    operatorHash: operator.hash,
    now: () => nowMs,
  });
}

async function refusedWith(work: Promise<unknown>): Promise<ErrorCode | 'nothing'> {
  return work.then(
    () => 'nothing' as const,
    (error: { code: ErrorCode }) => error.code,
  );
}

const tenantId = tenantIdSchema.parse(randomUUID());

async function addDevice(): Promise<string> {
  const id = randomUUID();
  await owner.query(
    `insert into config.devices (id, tenant_id, installation_id, host, agent, capabilities, running_mode)
     values ($1, $2, $3, '{}', '{}', '{}', 'active')`,
    [id, tenantId, id],
  );
  return id;
}

async function addCredential(deviceId: string): Promise<{ id: string; secret: string }> {
  const { secret, hash } = createSecret('fbd_');
  const id = randomUUID();
  await owner.query(
    'insert into config.device_credentials (id, tenant_id, device_id, secret_hash) values ($1, $2, $3, $4)',
    [id, tenantId, deviceId, hash],
  );
  return { id, secret };
}

async function addToken(expiresAt: string | null = null): Promise<{ id: string; secret: string }> {
  const { secret, hash } = createSecret('fbu_');
  const id = randomUUID();
  await owner.query(
    "insert into config.tokens (id, tenant_id, name, role, secret_hash, expires_at) values ($1, $2, 'Ada', 'analyst', $3, $4)",
    [id, tenantId, hash, expiresAt],
  );
  return { id, secret };
}

beforeAll(async () => {
  database = await startTestDatabase();
  owner = database.pool('owner');
  await owner.query("insert into config.tenants (id, name) values ($1, 'North')", [tenantId]);
}, 60_000);
afterAll(() => database.stop());
beforeEach(async () => {
  away = false;
  questions = 0;
  nowMs = Date.now();
  await owner.query("update config.tenants set trust = 'new'");
});

describe('who a token belongs to', () => {
  test('a device credential is its device, asked of the database once', async () => {
    const deviceId = await addDevice();
    const credential = await addCredential(deviceId);
    const auth = authenticator();
    const expected = { kind: 'device', tenantId, deviceId, credentialId: credential.id };
    await expect(auth.authenticate(credential.secret)).resolves.toEqual(expected);
    const asked = questions;
    await expect(auth.authenticate(credential.secret)).resolves.toEqual(expected);
    expect(questions).toBe(asked);
  });

  test('a hundred callers at once cost one question', async () => {
    const token = await addToken();
    const auth = authenticator();
    const principals = await Promise.all(Array.from({ length: 100 }, () => auth.authenticate(token.secret)));
    expect(new Set(principals.map((principal) => principal.kind))).toEqual(new Set(['person']));
    expect(questions).toBe(1);
  });

  test('a person has the role of the token', async () => {
    const token = await addToken();
    await expect(authenticator().authenticate(token.secret)).resolves.toEqual({
      kind: 'person',
      tenantId,
      tokenId: token.id,
      name: 'Ada',
      role: 'analyst',
    });
  });

  test('an enrolment key brings the tags of its devices and is never kept', async () => {
    const { secret, hash } = createSecret('fbe_');
    const id = randomUUID();
    await owner.query(
      "insert into config.enrollment_keys (id, tenant_id, name, secret_hash, tags) values ($1, $2, 'k', $3, '{lab}')",
      [id, tenantId, hash],
    );
    const auth = authenticator();
    await expect(auth.authenticate(secret)).resolves.toEqual({
      kind: 'enrollment',
      tenantId,
      keyId: id,
      tags: ['lab'],
    });
    await owner.query('update config.enrollment_keys set revoked_at = now() where id = $1', [id]);
    expect(await refusedWith(auth.authenticate(secret))).toBe('FB_CREDENTIAL_UNKNOWN');
  });

  test('the operator is known without the database', async () => {
    away = true;
    await expect(authenticator().authenticate(operator.secret)).resolves.toEqual({ kind: 'operator' });
    expect(await refusedWith(authenticator().authenticate(createSecret('fbo_').secret))).toBe(
      'FB_CREDENTIAL_UNKNOWN',
    );
  });
});

describe('who is refused', () => {
  test.each(['', 'x', 'Bearer', 'fbz_' + 'a'.repeat(43), 'fbd_short', `fbd_${'\u0000'.repeat(43)}`])(
    '%j is unknown and not asked for',
    async (token) => {
      expect(await refusedWith(authenticator().authenticate(token))).toBe('FB_CREDENTIAL_UNKNOWN');
      expect(questions).toBe(0);
    },
  );

  test.each<SecretPrefix>(['fbe_', 'fbd_', 'fbu_'])(
    'a %s secret that nobody has is unknown',
    async (prefix) => {
      const auth = authenticator();
      const { secret } = createSecret(prefix);
      expect(await refusedWith(auth.authenticate(secret))).toBe('FB_CREDENTIAL_UNKNOWN');
    },
  );

  test('an unknown secret is asked for again only after a while', async () => {
    const auth = authenticator();
    const { secret } = createSecret('fbu_');
    await refusedWith(auth.authenticate(secret));
    await refusedWith(auth.authenticate(secret));
    expect(questions).toBe(1);
    nowMs += 6_000;
    await refusedWith(auth.authenticate(secret));
    expect(questions).toBe(2);
  });

  test('expired, off-boarded and suspended are told apart', async () => {
    const expired = await addToken('2020-01-01T00:00:00Z');
    expect(await refusedWith(authenticator().authenticate(expired.secret))).toBe('FB_CREDENTIAL_EXPIRED');

    const deviceId = await addDevice();
    const credential = await addCredential(deviceId);
    await owner.query("update config.devices set status = 'offboarded' where id = $1", [deviceId]);
    expect(await refusedWith(authenticator().authenticate(credential.secret))).toBe('FB_DEVICE_OFFBOARDED');

    const token = await addToken();
    await owner.query("update config.tenants set trust = 'suspended'");
    expect(await refusedWith(authenticator().authenticate(token.secret))).toBe('FB_TENANT_SUSPENDED');
  });

  test('a token that expires while it is kept is refused at that moment', async () => {
    const token = await addToken(new Date(nowMs + 10_000).toISOString());
    const auth = authenticator();
    await auth.authenticate(token.secret);
    nowMs += 10_000;
    expect(await refusedWith(auth.authenticate(token.secret))).toBe('FB_CREDENTIAL_EXPIRED');
  });
});

describe('changes', () => {
  test('a withdrawn token dies with the control record, or with the cache', async () => {
    const token = await addToken();
    const [told, untold] = [authenticator(), authenticator()];
    await told.authenticate(token.secret);
    await untold.authenticate(token.secret);
    await owner.query('update config.tokens set revoked_at = now() where id = $1', [token.id]);
    told.invalidate({ kind: 'token', version: 2, tenantId, tokenId: token.id, status: 'revoked' });
    expect(await refusedWith(told.authenticate(token.secret))).toBe('FB_CREDENTIAL_UNKNOWN');
    expect(await refusedWith(untold.authenticate(token.secret))).toBe('nothing');
    nowMs += 30_000;
    expect(await refusedWith(untold.authenticate(token.secret))).toBe('FB_CREDENTIAL_UNKNOWN');
  });

  test('an off-boarded device and a suspended tenant die with their control records', async () => {
    const deviceId = deviceIdSchema.parse(await addDevice());
    const [credential, token, auth] = [await addCredential(deviceId), await addToken(), authenticator()];
    await auth.authenticate(credential.secret);
    await auth.authenticate(token.secret);
    await owner.query("update config.devices set status = 'offboarded' where id = $1", [deviceId]);
    auth.invalidate({ kind: 'device', version: 2, tenantId, deviceId, status: 'offboarded' });
    expect(await refusedWith(auth.authenticate(credential.secret))).toBe('FB_DEVICE_OFFBOARDED');
    await owner.query("update config.tenants set trust = 'suspended'");
    auth.invalidate({ kind: 'tenant', version: 2, tenantId, trust: 'suspended' });
    expect(await refusedWith(auth.authenticate(token.secret))).toBe('FB_TENANT_SUSPENDED');
  });

  test('the first use of a new credential ends the old one', async () => {
    const deviceId = await addDevice();
    const auth = authenticator();
    const old = await addCredential(deviceId);
    await auth.authenticate(old.secret);
    await new Promise((resolve) => setTimeout(resolve, 5));
    const next = await addCredential(deviceId);
    expect(await refusedWith(auth.authenticate(old.secret))).toBe('nothing');
    expect(await refusedWith(auth.authenticate(next.secret))).toBe('nothing');
    expect(await refusedWith(auth.authenticate(old.secret))).toBe('FB_CREDENTIAL_EXPIRED');
    expect(await refusedWith(auth.authenticate(next.secret))).toBe('nothing');
  });
});

describe('while the database is away', () => {
  test('known tokens are served on, unknown ones are told to wait', async () => {
    const [known, unknown, auth] = [await addToken(), await addToken(), authenticator()];
    await auth.authenticate(known.secret);
    away = true;
    nowMs += 3_600_000;
    expect(await refusedWith(auth.authenticate(known.secret))).toBe('nothing');
    expect(await refusedWith(auth.authenticate(unknown.secret))).toBe('FB_DATABASE_UNAVAILABLE');
    const asked = questions;
    expect(await refusedWith(auth.authenticate(known.secret))).toBe('nothing');
    expect(questions).toBe(asked);
    away = false;
    nowMs += 1_000;
    expect(await refusedWith(auth.authenticate(unknown.secret))).toBe('nothing');
  });

  test('a token withdrawn before is not revived', async () => {
    const [token, auth] = [await addToken(), authenticator()];
    await auth.authenticate(token.secret);
    auth.invalidate({ kind: 'token', version: 2, tenantId, tokenId: token.id, status: 'revoked' });
    away = true;
    expect(await refusedWith(auth.authenticate(token.secret))).toBe('FB_DATABASE_UNAVAILABLE');
  });
});

test('when devices and tokens were last seen is written at stop', async () => {
  const deviceId = await addDevice();
  const [credential, token, auth] = [await addCredential(deviceId), await addToken(), authenticator()];
  await auth.start();
  await auth.authenticate(credential.secret);
  await auth.authenticate(token.secret);
  await auth.stop();
  const seen = await owner.query<{ at: Date }>(
    'select last_seen_at as at from config.devices where id = $1',
    [deviceId],
  );
  expect(seen.rows[0]?.at.getTime()).toBe(nowMs);
  const used = await owner.query<{ at: Date }>('select last_used_at as at from config.tokens where id = $1', [
    token.id,
  ]);
  expect(used.rows[0]?.at.getTime()).toBe(nowMs);
});
