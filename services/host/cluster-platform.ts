import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { FirebreakError } from '../../contracts/errors.ts';
import type { Limits } from '../../contracts/limits.ts';
import { topics } from '../../contracts/topics.ts';
import type { ClusterConfig } from '../../platform/config/config.ts';
import { openKafkaLog, type KafkaLog } from '../../platform/log/kafka/kafka-log.ts';
import type { KafkaConnection } from '../../platform/log/kafka/settings.ts';
import { TopicLog } from '../../platform/log/topic-log.ts';
import { isDatabaseAway } from '../../platform/postgres/failure.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import type { Connection, DatabasePool } from '../../platform/postgres/pool.ts';
import { Pools, type PoolUsage } from '../../platform/postgres/pools.ts';
import { enableRoles, roleConnection, type RoleName } from '../../platform/postgres/roles.ts';
import { RedisSignals } from '../../platform/signals/redis-signals.ts';
import { parseRedisTarget } from '../../platform/signals/redis-target.ts';
import type { Signals } from '../../platform/signals/signals.ts';
import type { HostEvents } from './events.ts';
import type { Platform } from './platform.ts';

export interface ClusterPlatformOptions {
  readonly config: ClusterConfig;
  readonly dataDir: string;
  readonly limits: Limits;
  readonly events: HostEvents;
  /** Tells this process from others in the brokers' and the database's own views. */
  readonly clientId: string;
}

const migrationsFolder = fileURLToPath(new URL('../../migrations/', import.meta.url));
const probeEveryMs = 2000;

/** What the cluster profile stands on: Kafka, Redis and PostgreSQL, which run elsewhere. */
export class ClusterPlatform implements Platform {
  readonly name = 'platform';
  readonly owner: Connection;
  readonly #options: ClusterPlatformOptions;
  readonly #pools: Pools;
  readonly #authorities: readonly string[] | undefined;
  #log: KafkaLog | undefined;
  #logIdentity: string | undefined;
  #signals: RedisSignals | undefined;
  #probing: NodeJS.Timeout | undefined;
  #away: string | null = null;

  /** @throws FB_CONFIG_INVALID when an address cannot be read */
  constructor(options: ClusterPlatformOptions) {
    this.#options = options;
    this.#pools = new Pools((pool, error) => options.events.connectionLost(pool, error));
    this.#authorities = readAuthorities(options.config.caFile);
    this.owner = connectionOf(options.config, this.#authorities);
    parseRedisTarget(options.config.redisUrl);
  }

  async start(): Promise<void> {
    const { config, limits, events, clientId } = this.#options;
    try {
      await this.#prepareDatabase();
      this.#log = await openKafkaLog({
        connection: kafkaConnectionOf(config.kafka, clientId, this.#authorities),
        replicationFactor: config.kafka.replicas,
        maxRecordBytes: limits.recordBytes,
        onEvent: (event) => events.log(event),
      });
      await this.topicLog.createTopics(limits);
      this.#logIdentity = await this.#log.identity();
    } catch (error) {
      await this.stop();
      throw error;
    }
    this.#probing = setInterval(() => void this.#probe(), probeEveryMs).unref();
  }

  async #prepareDatabase(): Promise<void> {
    try {
      await migrate(this.owner, migrationsFolder);
      await enableRoles(this.owner);
    } catch (cause) {
      throw databaseError(cause, this.owner);
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#probing);
    await this.#pools.end();
    await this.#signals?.close();
    await this.#log?.close();
  }

  unready(): string | null {
    if (this.#away !== null) return this.#away;
    const stuck = this.#log?.stuckAt ?? null;
    if (stuck !== null) return `Partition ${stuck.partition} of ${stuck.topic} stands still.`;
    const why = this.#signals?.unready ?? null;
    return why === null ? null : `Redis is away: ${why}.`;
  }

  get dataDir(): string {
    return this.#options.dataDir;
  }

  get partitions(): number {
    return this.#options.config.kafka.partitions;
  }

  get topicLog(): TopicLog {
    return new TopicLog(started(this.#log), this.partitions);
  }

  get logIdentity(): string {
    return started(this.#logIdentity);
  }

  pool(role: RoleName, name: string, connections: number): DatabasePool {
    return this.#pools.open(roleConnection(this.owner, role), name, connections);
  }

  poolUsage(): readonly PoolUsage[] {
    return this.#pools.usage();
  }

  async openSignals(): Promise<Signals> {
    const { config, limits, events } = this.#options;
    this.#signals = await RedisSignals.open({
      target: parseRedisTarget(config.redisUrl, this.#authorities),
      partitions: this.partitions,
      lookBackMs: limits.lookBackMs,
      retentionMs: limits.signalRetentionMs,
      onNotice: (notice) => events.notice('Redis', notice),
    });
    return this.#signals;
  }

  /** Never rejects: what it finds is what readiness says. */
  async #probe(): Promise<void> {
    const [log, database] = await Promise.allSettled([
      started(this.#log).ends(topics.progress.name),
      this.#pools.probe(),
    ]);
    if (log.status === 'rejected') this.#away = 'Kafka does not answer.';
    else if (database.status === 'rejected') this.#away = 'PostgreSQL does not answer.';
    else this.#away = null;
  }
}

function started<Thing>(thing: Thing | undefined): Thing {
  if (thing === undefined) throw new Error('The platform was used before it was started.');
  return thing;
}

/** The configuration has checked the URL for user, password and database; `?host=` may name the folder of a Unix socket. */
function connectionOf(
  { postgresUrl, postgresTls }: ClusterConfig,
  authorities: readonly string[] | undefined,
): Connection {
  const { hostname, port, username, password, pathname, searchParams } = new URL(postgresUrl);
  return {
    host: searchParams.get('host') ?? hostname,
    port: port === '' ? 5432 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
    ...(postgresTls && { tls: { ...(authorities !== undefined && { authorities }) } }),
  };
}

function kafkaConnectionOf(
  { brokers, tls, sasl }: ClusterConfig['kafka'],
  clientId: string,
  authorities: readonly string[] | undefined,
): KafkaConnection {
  return {
    brokers,
    clientId,
    ...(tls && { ssl: authorities === undefined ? true : { ca: [...authorities] } }),
    ...(sasl !== null && { sasl }),
  };
}

/** SQLSTATEs of a user, password or database that the server does not know. */
const refusedLogins = /^(?:28|3D)/;

function databaseError(cause: unknown, { host, port }: Connection): unknown {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? String(cause.code) : '';
  if (refusedLogins.test(code)) {
    const detail = `PostgreSQL at ${host}:${port} refused user, password or database of FIREBREAK_POSTGRES_URL.`;
    return new FirebreakError('FB_CONFIG_INVALID', detail, { cause });
  }
  if (!isDatabaseAway(cause)) return cause;
  const detail = `PostgreSQL at ${host}:${port} cannot be reached: start it, or mend FIREBREAK_POSTGRES_URL.`;
  return new FirebreakError('FB_DATABASE_UNAVAILABLE', detail, { cause });
}

/** @returns undefined: those that Node trusts */
function readAuthorities(file: string | null): readonly string[] | undefined {
  if (file === null) return undefined;
  try {
    return [...rootCertificates, readFileSync(file, 'utf8')];
  } catch (cause) {
    throw new FirebreakError('FB_CONFIG_INVALID', `FIREBREAK_CA_FILE=${file} cannot be read.`, { cause });
  }
}
