import { createHmac } from 'node:crypto';
import { createClient, type Connection } from './pool.ts';

/** Who works with which rows stands in migrations/0001_configuration.sql and 0004_samples.sql. */
export const roleNames = [
  'firebreak_config',
  'firebreak_tenant',
  'firebreak_writer',
  'firebreak_samples',
] as const;
export type RoleName = (typeof roleNames)[number];

/** Any number will do, as long as nobody else takes it for something else. */
const rolesLock = 7_305_002;

/**
 * Lets the roles that the migrations made log in. Their passwords follow from the owner's, so that every process that
 * may act as owner knows them, nothing more is to be kept, and whoever holds one role's password learns no other.
 */
export async function enableRoles(owner: Connection): Promise<void> {
  const client = createClient(owner, 'firebreak-roles');
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [rolesLock]);
    for (const name of roleNames) {
      const password = client.escapeLiteral(rolePassword(owner, name));
      await client.query(`alter role ${client.escapeIdentifier(name)} login password ${password}`);
    }
  } finally {
    await client.end();
  }
}

/** @returns how to reach the owner's database as one of the roles; see `enableRoles` */
export function roleConnection(owner: Connection, name: RoleName): Connection {
  return { ...owner, user: name, password: rolePassword(owner, name) };
}

function rolePassword(owner: Connection, name: RoleName): string {
  return createHmac('sha256', owner.password).update(name).digest('base64url');
}
