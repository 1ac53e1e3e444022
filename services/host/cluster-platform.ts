import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { FirebreakError } from '../../contracts/errors.ts';
import type { Limits } from '../../contracts/limits.ts';
import { topics } from '../../contracts/topics.ts';
import type { ClusterConfig } from '../../platform/config/config.ts';
import { openKafkaLog, type KafkaLog } from '../../platform/log/kafka/kafka-log.ts';
import type { KafkaConnection, KafkaLogEvent } from '../../platform/log/kafka/settings.ts';
import { TopicLog } from '../../platform/log/topic-log.ts';
import { isDatabaseAway } from '../../platform/postgres/failure.ts';
import { migrate } from '../../platform/postgres/migrate.ts';
import { createPool, type Connection, type DatabasePool } from '../../platform/postgres/pool.ts';
import { enableRoles, roleConnection, type RoleName } from '../../platform/postgres/roles.ts';
import { RedisSignals } from '../../platform/signals/redis-signals.ts';
import { parseRedisTarget } from '../../platform/signals/redis-target.ts';
import type { Signals } from '../../platform/signals/signals.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Platform } from './platform.ts';

export interface ClusterPlatformOptions {
  readonly config: ClusterConfig;
  readonly dataDir: string;
  readonly limits: Limits;
  readonly logger: Logger;
  /** Tells this process from others in the brokers' and the database's own views. */
  readonly clientId: string;
}

const migrationsFolder = fileURLToPath(new URL('../../migrations/', import.meta.url));
const probeEveryMs = 2000;

/** What the cluster profile stands on: Kafka, Redis and PostgreSQL, which run elsewhere. */
export class ClusterPlatform implements Platform {
  readonly name = 'platform';
  readonly #options: ClusterPlatformOptions;
  readonly #owner: Connection;
  readonly #pools: DatabasePool[] = [];
  #log: KafkaLog | undefined;
  #logIdentity: string | undefined;
  #signals: RedisSignals | undefined;
  #probing: NodeJS.Timeout | undefined;
  #away: string | null = null;

  /** @throws FB_CONFIG_INVALID when an address cannot be read */
  constructor(options: ClusterPlatformOptions) {
    this.#options = options;
    this.#owner = connectionOf(options.config.postgresUrl);
    parseRedisTarget(options.config.redisUrl);
  }

  async start(): Promise<void> {
    const { config, limits, logger, clientId } = this.#options;
    try {
      await this.#prepareDatabase();
      this.#log = await openKafkaLog({
        connection: kafkaConnectionOf(config.kafka, clientId),
        replicationFactor: config.kafka.replicas,
        maxRecordBytes: limits.recordBytes,
        onEvent: (event) => tellLogEvent(logger, event),
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
      await migrate(this.#owner, migrationsFolder);
      await enableRoles(this.#owner);
    } catch (cause) {
      throw databaseError(cause, this.#owner);
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#probing);
    await Promise.all(this.#pools.splice(0).map((pool) => pool.end()));
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
    const pool = createPool(roleConnection(this.#owner, role), { name, connections });
    this.#pools.push(pool);
    return pool;
  }

  async openSignals(): Promise<Signals> {
    const { config, limits, logger } = this.#options;
    this.#signals = await RedisSignals.open({
      target: parseRedisTarget(config.redisUrl),
      partitions: this.partitions,
      lookBackMs: limits.lookBackMs,
      onNotice: (notice) => logger.warn({ notice }, 'Redis'),
    });
    return this.#signals;
  }

  /** Never rejects: what it finds is what readiness says. */
  async #probe(): Promise<void> {
    const [log, database] = await Promise.allSettled([
      started(this.#log).ends(topics.progress.name),
      this.#pools[0]?.query('select 1'),
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

/** @param text checked by the configuration to be a URL with user, password and database; `?host=` may name the folder of a Unix socket */
function connectionOf(text: string): Connection {
  const { hostname, port, username, password, pathname, searchParams } = new URL(text);
  return {
    host: searchParams.get('host') ?? hostname,
    port: port === '' ? 5432 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: decodeURIComponent(pathname.slice(1)),
  };
}

function kafkaConnectionOf(
  { brokers, tls, caFile, sasl }: ClusterConfig['kafka'],
  clientId: string,
): KafkaConnection {
  return {
    brokers,
    clientId,
    ...(tls && { ssl: caFile === null ? true : { ca: [readAuthority(caFile)] } }),
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

function readAuthority(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new FirebreakError('FB_CONFIG_INVALID', `FIREBREAK_KAFKA_CA_FILE=${file} cannot be read.`, {
      cause,
    });
  }
}

function tellLogEvent(logger: Logger, event: KafkaLogEvent): void {
  switch (event.kind) {
    case 'client':
      logger.debug({ event }, 'the client library of Kafka');
      return;
    case 'retrying':
      logger.info({ event }, 'Kafka is asked again');
      return;
    case 'skipped':
    case 'evicted':
      logger.warn({ event }, 'the log');
      return;
    case 'stuck':
      logger.error({ event }, 'a partition stands still; restart the process, and report what it was doing');
  }
}
