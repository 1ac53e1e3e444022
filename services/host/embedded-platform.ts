import { fileURLToPath } from 'node:url';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { Limits } from '../../contracts/limits.ts';
import { topics } from '../../contracts/topics.ts';
import { openEmbeddedLog, type EmbeddedLog } from '../../platform/log/embedded/embedded-log.ts';
import { parseBatch, TopicLog } from '../../platform/log/topic-log.ts';
import { startPostgres, type Postgres } from '../../platform/postgres/launcher.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { createClient, type Connection, type DatabasePool } from '../../platform/postgres/pool.ts';
import { Pools, type PoolUsage } from '../../platform/postgres/pools.ts';
import { enableRoles, roleConnection, type RoleName } from '../../platform/postgres/roles.ts';
import { EmbeddedSignals } from '../../platform/signals/embedded-signals.ts';
import type { HostEvents } from './events.ts';
import type { Platform } from './platform.ts';

/** One partition a topic: the embedded log pays a row per partition and flush, and one process owns all of them anyway. */
const partitions = 1;

const migrationsFolder = fileURLToPath(new URL('../../migrations/', import.meta.url));

/** What the embedded profile stands on, in one process: PostgreSQL as a child, the log and the signals inside. */
export class EmbeddedPlatform implements Platform {
  readonly name = 'platform';
  readonly partitions = partitions;
  readonly #dataDir: string;
  readonly #limits: Limits;
  readonly #events: HostEvents;
  readonly #pools: Pools;
  #postgres: Postgres | undefined;
  #log: EmbeddedLog | undefined;
  #logIdentity: string | undefined;

  constructor(dataDir: string, limits: Limits, events: HostEvents) {
    this.#dataDir = dataDir;
    this.#limits = limits;
    this.#events = events;
    this.#pools = new Pools((pool, error) => events.connectionLost(pool, error));
  }

  async start(): Promise<void> {
    try {
      this.#postgres = await startPostgres({
        dataDir: this.#dataDir,
        onNotice: (notice) => this.#events.notice('PostgreSQL', notice),
      });
      const { connection } = this.#postgres;
      await migrate(connection, migrationsFolder);
      await enableRoles(connection);
      this.#log = await openEmbeddedLog({
        connection,
        maxRecordBytes: this.#limits.recordBytes,
        onEvent: (event) => this.#events.log(event),
      });
      await this.topicLog.createTopics(this.#limits);
      this.#logIdentity = await identify(connection);
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.#pools.end();
    await this.#log?.close();
    await this.#postgres?.stop();
  }

  /** Where the data really is: PostgreSQL cannot run below every folder. */
  get dataDir(): string {
    return started(this.#postgres).dataDir;
  }

  get owner(): Connection {
    return started(this.#postgres).connection;
  }

  get topicLog(): TopicLog {
    return new TopicLog(started(this.#log), partitions);
  }

  get logIdentity(): string {
    return started(this.#logIdentity);
  }

  pool(role: RoleName, name: string, connections: number): DatabasePool {
    return this.#pools.open(roleConnection(started(this.#postgres).connection, role), name, connections);
  }

  poolUsage(): readonly PoolUsage[] {
    return this.#pools.usage();
  }

  /** What falls out of memory is read back from the changelog. */
  async openSignals(): Promise<EmbeddedSignals> {
    const log = started(this.#log);
    const load = async (keys: readonly ArtifactKey[]) => {
      const latest = await log.latest(topics.signals.name, keys);
      return new Map(
        keys.flatMap((key) => {
          const record = latest.get(key);
          if (record?.value == null) return [];
          return [[key, { state: stateOf(record.value), writtenMs: record.appendedAt }] as const];
        }),
      );
    };
    return new EmbeddedSignals({
      load,
      cacheEntries: this.#limits.signalCacheEntries,
      lookBackMs: this.#limits.lookBackMs,
      retentionMs: this.#limits.signalRetentionMs,
    });
  }
}

function started<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('The platform was used before it was started.');
  return thing;
}

/** What cannot be read counts as unknown: the artifact is learned anew. */
function stateOf(value: Uint8Array): unknown {
  const { records } = parseBatch(topics.signals, {
    topic: topics.signals.name,
    partition: 0,
    end: 1,
    records: [{ offset: 0, key: '', value, headers: {}, appendedAt: 0 }],
  });
  return records[0]?.value?.state;
}

/** The server's own identifier and that of the log's database in it: both change when either is made anew. */
async function identify(owner: Connection): Promise<string> {
  const client = createClient(owner, 'firebreak-identity');
  await client.connect();
  try {
    const { rows } = await client.query<{ identity: string }>(
      "select (select system_identifier from pg_control_system()) || '-' || (select oid from pg_database where datname = 'firebreak_log') as identity",
    );
    return rows[0]?.identity ?? '';
  } finally {
    await client.end();
  }
}
