import { createClient, type Connection } from './pool.ts';

const duplicateDatabase = '42P04';

/** Creates the database unless it is there, for its owner alone. `connection.database` is not used: the server's own `postgres` is. */
export async function ensureDatabase(connection: Connection, name: string): Promise<void> {
  const client = createClient({ ...connection, database: 'postgres' }, 'firebreak-setup');
  await client.connect();
  try {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    const database = client.escapeIdentifier(name);
    if (rowCount === 0) await client.query(`create database ${database}`);
    await client.query(`revoke connect on database ${database} from public`);
  } catch (error) {
    // Another process created it between the two statements.
    if (!(typeof error === 'object' && error !== null && 'code' in error && error.code === duplicateDatabase))
      throw error;
  } finally {
    await client.end();
  }
}
