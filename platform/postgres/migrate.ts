import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { FirebreakError } from '../../contracts/errors.ts';
import { createClient, type Connection } from './pool.ts';

/** Any number will do, as long as nobody else takes it for something else. */
const migrationLock = 7_305_001;
const fileName = /^(\d{4})_[a-z0-9_]+\.sql$/;

interface Migration {
  readonly number: number;
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

/**
 * Brings the database to the newest of the numbered files `NNNN_name.sql` in `folder`, each in a transaction of its
 * own, one process at a time. There is no way back: a mistake is mended by the next number.
 *
 * @returns the names of the files applied now
 * @throws FB_MIGRATION_CONFLICT when an applied file was changed or is missing here
 */
export async function migrate(connection: Connection, folder: string): Promise<readonly string[]> {
  const migrations = readMigrations(folder);
  const client = createClient(connection, 'firebreak-migrate');
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [migrationLock]);
    await client.query(`create table if not exists public.schema_migrations (
      number int primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())`);
    const applied = await readApplied(client, migrations);
    const missing = migrations.filter(({ number }) => !applied.has(number));
    for (const migration of missing) await apply(client, migration);
    return missing.map(({ name }) => name);
  } finally {
    await client.end();
  }
}

function readMigrations(folder: string): readonly Migration[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  return names.map((name, index) => {
    const number = Number(fileName.exec(name)?.[1]);
    if (number !== index + 1)
      throw new Error(
        `${join(folder, name)}: expected ${String(index + 1).padStart(4, '0')}_<name>.sql here.`,
      );
    const sql = readFileSync(join(folder, name), 'utf8');
    return { number, name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}

async function readApplied(
  client: pg.Client,
  migrations: readonly Migration[],
): Promise<ReadonlySet<number>> {
  const { rows } = await client.query<{ number: number; name: string; checksum: string }>(
    'select number, name, checksum from public.schema_migrations order by number',
  );
  for (const row of rows) {
    const known = migrations[row.number - 1];
    if (known === undefined) throw conflict(`it has migration ${row.name}, which this version does not know`);
    if (known.checksum !== row.checksum)
      throw conflict(`migration ${row.name} was applied with other content than it has now`);
  }
  return new Set(rows.map(({ number }) => number));
}

async function apply(client: pg.Client, { number, name, sql, checksum }: Migration): Promise<void> {
  await client.query('begin');
  try {
    await client.query(sql);
    await client.query('insert into public.schema_migrations (number, name, checksum) values ($1, $2, $3)', [
      number,
      name,
      checksum,
    ]);
    await client.query('commit');
  } catch (cause) {
    await client.query('rollback').catch(() => undefined);
    throw new Error(`Migration ${name} failed and left nothing behind.`, { cause });
  }
}

function conflict(what: string): FirebreakError {
  return new FirebreakError(
    'FB_MIGRATION_CONFLICT',
    `The database does not fit this version: ${what}. Start the version that wrote it, or restore a back-up.`,
  );
}
