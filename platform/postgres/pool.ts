import pg from 'pg';

/** The driver's own types, by names that do not tell which driver it is. */
export type DatabasePool = pg.Pool;
export type DatabaseClient = pg.ClientBase;
/** A client of a pool, to be released. */
export type DatabaseSession = pg.PoolClient;

/** How to reach one database. `host` is a name, an address, or the absolute folder of a Unix socket. */
export interface Connection {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  /** Encrypted, the server's certificate and name checked. Left out: not encrypted. */
  readonly tls?: {
    /** PEM; those that Node trusts where left out. */
    readonly authorities?: readonly string[];
  };
}

export interface PoolOptions {
  /** Shown by the server as `application_name`. */
  readonly name: string;
  readonly connections?: number;
  /** The server ends a statement that runs longer. */
  readonly statementTimeoutMs?: number;
  /** How long a caller waits for a free connection. */
  readonly patienceMs?: number;
  /** Settings of the server for these connections. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Told when an idle connection breaks; the pool opens another one by itself. */
  readonly onConnectionLost?: (error: Error) => void;
}

/** @returns a pool that the caller ends; every statement has a time limit, and a lost idle connection is no crash */
export function createPool(connection: Connection, options: PoolOptions): pg.Pool {
  const pool = new pg.Pool({
    ...clientConfig(connection, options.name),
    options: Object.entries(options.settings ?? {})
      .map(([name, value]) => `-c ${name}=${value}`)
      .join(' '),
    max: options.connections ?? 8,
    statement_timeout: options.statementTimeoutMs ?? 15_000,
    idle_in_transaction_session_timeout: 30_000,
    connectionTimeoutMillis: options.patienceMs ?? 5_000,
    idleTimeoutMillis: 60_000,
  });
  pool.on('error', (error) => options.onConnectionLost?.(error));
  // A connection that breaks while somebody works with it fails that work; as an event it would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** @returns a single unconnected client without time limits, for set-up and for who owns a session */
export function createClient(connection: Connection, name: string): pg.Client {
  return new pg.Client({ ...clientConfig(connection, name), connectionTimeoutMillis: 10_000 });
}

/** Everything is named, because the driver fills what is missing from PG* variables of the environment. */
function clientConfig({ tls, ...connection }: Connection, name: string): pg.ClientConfig {
  const ca = tls?.authorities;
  return {
    ...connection,
    application_name: name,
    // The driver tells Node names alone, and Node would check the certificate of an address against `localhost`.
    ssl: tls === undefined ? false : { host: connection.host, ...(ca !== undefined && { ca: [...ca] }) },
    options: '',
    keepAlive: true,
  };
}

/**
 * Runs `work` in one transaction as the given tenant: rows of other tenants do not exist in it, and without a tenant
 * none do. Commits when `work` resolves, rolls back when it rejects.
 */
export async function withTenant<T>(
  pool: pg.Pool,
  tenantId: string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const begin = (client: pg.PoolClient): string =>
    `begin; select set_config('firebreak.tenant', ${client.escapeLiteral(tenantId)}, true)`;
  return transact(pool, begin, work);
}

/** Runs `work` in one transaction; commits when it resolves, rolls back when it rejects. */
export async function inTransaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  return transact(pool, () => 'begin', work);
}

async function transact<T>(
  pool: pg.Pool,
  begin: (client: pg.PoolClient) => string,
  work: (client: pg.PoolClient) => Promise<T>,
): Promise<T> {
  const client = await pool.connect();
  let broken: Error | undefined;
  try {
    await client.query(begin(client));
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (error) {
    await client
      .query('rollback')
      .catch((cause: unknown) => (broken = new Error('The connection is lost.', { cause })));
    throw error;
  } finally {
    client.release(broken);
  }
}
