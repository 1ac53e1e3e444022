import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { startPostgres } from '../../platform/postgres/launcher.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { createPool, type Connection } from '../../platform/postgres/pool.ts';
import { enableRoles, roleConnection, type RoleName } from '../../platform/postgres/roles.ts';

export const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url));

/** A real server with the migrations applied, its data in a folder of its own, and pools as each role. */
export interface TestDatabase {
  readonly owner: Connection;
  pool(role: RoleName | 'owner'): pg.Pool;
  stop(): Promise<void>;
}

export async function startTestDatabase(): Promise<TestDatabase> {
  const home = mkdtempSync(join(tmpdir(), 'firebreak-test-'));
  // A server that runs as another user than root must be able to pass.
  chmodSync(home, 0o711);
  const postgres = await startPostgres({ dataDir: join(home, 'data'), fsync: false });
  await migrate(postgres.connection, migrationsFolder);
  await enableRoles(postgres.connection);
  const pools = new Map<RoleName | 'owner', pg.Pool>();
  const connect = (role: RoleName | 'owner'): pg.Pool => {
    const connection = role === 'owner' ? postgres.connection : roleConnection(postgres.connection, role);
    const pool = createPool(connection, { name: `test-${role}` });
    pools.set(role, pool);
    return pool;
  };
  return {
    owner: postgres.connection,
    pool: (role) => pools.get(role) ?? connect(role),
    stop: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.end()));
      await postgres.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
