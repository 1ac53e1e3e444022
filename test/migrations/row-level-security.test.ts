import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { withTenant } from '../../platform/postgres/pool.ts';
import { decisionTable, entryTable, reportTable } from '../../services/record/tables.ts';
import { acceptedReport, decisionFor, newTenant, verdictFor } from '../support/history.ts';
import { startTestDatabase, type TestDatabase } from '../support/postgres.ts';

let database: TestDatabase;
let owner: pg.Pool;
const [mine, theirs] = [newTenant(), newTenant()];

interface Table {
  readonly name: string;
  readonly has_tenant: boolean;
  readonly is_partition: boolean;
  readonly enabled: boolean;
  readonly forced: boolean;
  readonly policies: number;
  readonly grants: number;
}

async function tables(): Promise<readonly Table[]> {
  const { rows } = await owner.query<Table>(
    `select n.nspname || '.' || c.relname as name, c.relispartition as is_partition,
            c.relrowsecurity as enabled, c.relforcerowsecurity as forced,
            exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped) as has_tenant,
            (select count(*)::int from pg_policy p where p.polrelid = c.oid) as policies,
            (select count(*)::int from information_schema.table_privileges g
              where g.table_schema = n.nspname and g.table_name = c.relname and g.grantee like 'firebreak\\_%') as grants
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where n.nspname in ('config', 'history', 'samples') and c.relkind in ('r', 'p') order by 1`,
  );
  return rows;
}

/** The error of a statement, or how many rows it gave. */
async function attempt(pool: pg.Pool, sql: string, tenant?: string): Promise<string | number> {
  const run = (client: Pick<pg.PoolClient, 'query'>) => client.query(sql);
  const result = tenant === undefined ? run(pool) : withTenant(pool, tenant, run);
  return result.then(
    ({ rowCount }) => rowCount ?? 0,
    (error: { code: string }) => error.code,
  );
}

const denied = '42501';

beforeAll(async () => {
  database = await startTestDatabase();
  owner = database.pool('owner');
  const writer = database.pool('firebreak_writer');
  await writer.query('select history.maintain(7, 2, 180)');
  for (const tenantId of [mine, theirs]) {
    await owner.query("insert into config.tenants (id, name) values ($1, 'x')", [tenantId]);
    const device = randomUUID();
    const statements = [
      `insert into config.tokens (id, tenant_id, name, role, secret_hash) values ('${randomUUID()}', '${tenantId}', 'x', 'admin', '${device}')`,
      `insert into config.enrollment_keys (id, tenant_id, name, secret_hash) values ('${randomUUID()}', '${tenantId}', 'x', '${device}')`,
      `insert into config.devices (id, tenant_id, installation_id, host, agent, capabilities, running_mode) values ('${device}', '${tenantId}', 'x', '{}', '{}', '{}', 'active')`,
      `insert into config.device_credentials (id, tenant_id, device_id, secret_hash) values ('${randomUUID()}', '${tenantId}', '${device}', '${device}')`,
      `insert into config.overrides (id, tenant_id, entry_id, artifact_key, action, targets, targets_hash, restore, comment, created_by) values ('${randomUUID()}', '${tenantId}', '${randomUUID()}', 'k', 'block', '{}', '', false, 'x', 'x')`,
      `insert into config.audit_log (id, tenant_id, actor, action, subject) values ('${randomUUID()}', '${tenantId}', 'x', 'x', 'x')`,
      `insert into config.outbox (tenant_id, record) values ('${tenantId}', '{}')`,
      `insert into config.policies (tenant_id, revision, settings) values ('${tenantId}', 1, '{}')`,
    ];
    for (const statement of statements) await owner.query(statement);
    const sample = randomUUID();
    await owner.query(
      `insert into samples.samples (id, tenant_id, sha256, size_bytes, device_id, report_id, reported_at, state, key_id, wrapped_key, expires_at)
       values ($1, $2, sha256('x'), 1, $3, $3, now(), 'stored', 'k', '', now() + interval '1 day')`,
      [sample, tenantId, device],
    );
    await owner.query(
      "insert into samples.pieces (sample_id, tenant_id, number, data) values ($1, $2, 0, 'x')",
      [sample, tenantId],
    );
    const accepted = acceptedReport({ tenantId });
    const decision = decisionFor(accepted);
    const wide = decisionFor(accepted, { reach: 'ecosystem' });
    const value = (record: unknown) => ({ value: Buffer.from(JSON.stringify(record)) });
    await reportTable.write(
      writer,
      [reportTable.rowOf(value(accepted))].filter((row) => row !== null),
    );
    const decisions = decisionTable(3);
    await decisions.write(
      writer,
      [decision, wide].map((one) => decisions.rowOf(value(one))).filter((row) => row !== null),
    );
    await entryTable.write(
      writer,
      [decision, wide].map((one) => entryTable.rowOf(value(verdictFor(one)))).filter((row) => row !== null),
    );
  }
}, 60_000);
afterAll(() => database.stop());

describe('every table with rows of tenants', () => {
  test('has row-level security enabled and forced', async () => {
    const all = await tables();
    expect(all.length).toBeGreaterThan(30);
    const open = all.filter((table) => table.has_tenant && !(table.enabled && table.forced));
    expect(open).toEqual([]);
    const tenants = all.find(({ name }) => name === 'config.tenants');
    expect([tenants?.enabled, tenants?.forced]).toEqual([true, true]);
  });

  test('has a policy, or is a partition that nobody was given', async () => {
    const bad = (await tables()).filter((table) =>
      table.is_partition ? table.grants > 0 : table.has_tenant && table.policies === 0,
    );
    expect(bad).toEqual([]);
  });

  test('is read and written by its tenant alone, and by nobody without a tenant', async () => {
    const pool = database.pool('firebreak_tenant');
    const readable = [
      ...[
        'config.tokens',
        'config.enrollment_keys',
        'config.devices',
        'config.overrides',
        'config.audit_log',
        'config.policies',
      ],
      ...['history.reports', 'history.decisions', 'history.sightings', 'samples.samples'],
    ];
    for (const table of readable) {
      const foreign = `select tenant_id from ${table} where tenant_id = '${theirs}'`;
      const own = `select tenant_id from ${table} where tenant_id = '${mine}'`;
      expect([table, await attempt(pool, foreign, mine)]).toEqual([table, 0]);
      expect([table, await attempt(pool, own, mine)]).not.toEqual([table, 0]);
      expect([table, await attempt(pool, own)]).toEqual([table, 0]);
    }
    expect(await attempt(pool, `select from config.tenants`, mine)).toBe(1);
    expect(await attempt(pool, `select from config.tenants`)).toBe(0);
    expect(await attempt(pool, `select from history.entries`)).toBe(0);
    expect(await attempt(pool, `select from history.entries where tenant_id = '${theirs}'`, mine)).toBe(0);
    expect(await attempt(pool, `select from history.entries where tenant_id is null`, mine)).toBe(2);
  });

  test('takes no row of another tenant', async () => {
    const pool = database.pool('firebreak_tenant');
    const [id, tenant] = [randomUUID(), theirs];
    const statements = [
      `insert into config.tokens (id, tenant_id, name, role, secret_hash) values ('${id}', '${tenant}', 'x', 'admin', '${id}')`,
      `insert into config.enrollment_keys (id, tenant_id, name, secret_hash) values ('${id}', '${tenant}', 'x', '${id}')`,
      `insert into config.outbox (tenant_id, record) values ('${tenant}', '{}')`,
      `insert into config.audit_log (id, tenant_id, actor, action, subject) values ('${id}', '${tenant}', 'x', 'x', 'x')`,
      `insert into config.overrides (id, tenant_id, entry_id, artifact_key, action, targets, targets_hash, restore, comment, created_by) values ('${id}', '${tenant}', '${id}', 'k2', 'allow', '{}', '', false, 'x', 'x')`,
      `insert into config.policies (tenant_id, revision, settings) values ('${tenant}', 2, '{}')`,
    ];
    for (const statement of statements)
      expect([statement, await attempt(pool, statement, mine)]).toEqual([statement, denied]);
    const updates = [
      `update config.devices set tags = '{x}' where tenant_id = '${tenant}'`,
      `update config.tokens set revoked_at = now() where tenant_id = '${tenant}'`,
      `update config.overrides set comment = 'x' where tenant_id = '${tenant}'`,
      `update config.policies set revision = 2 where tenant_id = '${tenant}'`,
    ];
    for (const statement of updates)
      expect([statement, await attempt(pool, statement, mine)]).toEqual([statement, 0]);
    expect(await attempt(pool, `update config.overrides set tenant_id = '${tenant}'`, mine)).toBe(denied);
  });
});

describe('what a role may not', () => {
  test.each([
    ['firebreak_tenant', 'select secret_hash from config.tokens'],
    ['firebreak_tenant', 'select secret_hash from config.enrollment_keys'],
    ['firebreak_tenant', 'select * from config.device_credentials'],
    ['firebreak_tenant', 'select * from config.outbox'],
    ['firebreak_tenant', 'delete from config.overrides'],
    ['firebreak_tenant', 'delete from config.policies'],
    ['firebreak_tenant', "update config.audit_log set actor = 'x'"],
    ['firebreak_tenant', 'delete from config.audit_log'],
    ['firebreak_tenant', "update config.tenants set trust = 'established'"],
    ['firebreak_tenant', "update config.tokens set role = 'admin'"],
    ['firebreak_tenant', 'delete from history.reports'],
    ['firebreak_tenant', "update history.decisions set verdict = 'malicious'"],
    ['firebreak_tenant', 'insert into history.entries default values'],
    ['firebreak_tenant', 'select * from history.reports_default'],
    ['firebreak_tenant', 'select history.maintain(1, 1, 2)'],
    ['firebreak_tenant', 'set role firebreak_writer'],
    ['firebreak_tenant', 'set role firebreak_shared'],
    ['firebreak_tenant', 'set session authorization firebreak'],
    ['firebreak_tenant', 'create table public.x ()'],
    ['firebreak_tenant', 'create table history.x ()'],
    ['firebreak_writer', 'select * from config.tenants'],
    ['firebreak_writer', "update config.tenants set trust = 'new'"],
    ['firebreak_writer', 'select body from history.reports'],
    ['firebreak_writer', 'delete from history.reports'],
    ['firebreak_writer', "update history.decisions set verdict = 'malicious'"],
    ['firebreak_writer', "select history.make_partition('reports', 'reported_at', '2020-01-01')"],
    ['firebreak_writer', 'drop table history.reports_default'],
    ['firebreak_tenant', 'select * from samples.pieces'],
    ['firebreak_tenant', 'select wrapped_key from samples.samples'],
    ['firebreak_tenant', "update samples.samples set state = 'stored'"],
    ['firebreak_tenant', 'select * from samples.owed(1, 1)'],
    ['firebreak_samples', 'select * from history.reports'],
    ['firebreak_samples', 'select * from config.devices'],
    ['firebreak_samples', "update samples.pieces set data = ''"],
    ['firebreak_writer', 'select * from samples.samples'],
    ['firebreak_config', 'select * from samples.samples'],
    ['firebreak_config', 'select * from history.reports'],
    ['firebreak_config', 'select * from history.decisions'],
    ['firebreak_config', 'select comment from config.overrides'],
    ['firebreak_config', 'select * from config.policies'],
    ['firebreak_config', 'select * from config.audit_log'],
    ['firebreak_config', 'delete from config.devices'],
    ['firebreak_config', 'delete from config.tenants'],
  ] as const)('%s: %s', async (role, statement) => {
    expect(await attempt(database.pool(role), statement, mine)).toBe(denied);
  });

  test('the passwords of the roles differ, and nobody logs in as the shared one', async () => {
    const { rows } = await owner.query<{
      rolname: string;
      rolcanlogin: boolean;
      rolsuper: boolean;
      rolbypassrls: boolean;
    }>(
      "select rolname, rolcanlogin, rolsuper, rolbypassrls from pg_roles where rolname like 'firebreak\\_%' order by 1",
    );
    expect(rows).toEqual(
      [
        ...['firebreak_config', 'firebreak_samples', 'firebreak_shared', 'firebreak_tenant'],
        'firebreak_writer',
      ].map((rolname) => ({
        rolname,
        rolcanlogin: rolname !== 'firebreak_shared',
        rolsuper: false,
        rolbypassrls: false,
      })),
    );
    const { rows: secrets } = await owner.query(
      "select distinct rolpassword from pg_authid where rolname like 'firebreak\\_%' and rolcanlogin",
    );
    expect(secrets).toHaveLength(4);
  });
});

describe('samples', () => {
  test('are seen with their bytes by the tenant that they are of alone, also by those who keep them', async () => {
    const pool = database.pool('firebreak_samples');
    for (const table of ['samples.samples', 'samples.pieces']) {
      expect(await attempt(pool, `select from ${table}`, mine)).toBe(1);
      expect(await attempt(pool, `select from ${table} where tenant_id = '${theirs}'`, mine)).toBe(0);
      expect(await attempt(pool, `select from ${table}`)).toBe(0);
    }
  });
});

describe('views over tenants', () => {
  test('show nothing to who has not seen the artifact, nor without a tenant', async () => {
    const pool = database.pool('firebreak_tenant');
    for (const tenant of [mine, newTenant(), undefined]) {
      expect(await attempt(pool, 'select from history.shared_decisions', tenant)).toBe(0);
      expect(await attempt(pool, 'select from history.prevalence', tenant)).toBe(0);
    }
  });
});
