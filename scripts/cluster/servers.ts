import { join } from 'node:path';
import { startPostgres, type Postgres } from '../../platform/postgres/launcher.ts';
import { startKafka, type KafkaBroker } from '../servers/kafka/broker.ts';
import { startRedis, type RedisServer } from '../servers/redis.ts';

/** What the services stand on. PostgreSQL starts again by itself, the others when they are told to. */
export interface ClusterServers {
  readonly kafka: KafkaBroker;
  readonly redis: RedisServer;
  readonly postgres: Postgres;
  /** Ends the server, if it runs, and starts it again on the same data and port. */
  restart(name: 'kafka' | 'redis'): Promise<void>;
  stop(): Promise<void>;
}

export interface ServersOptions {
  readonly dataDir: string;
  /** False only where losing the data in a power cut does not matter, as in tests. */
  readonly fsync: boolean;
}

/** Starts all three together; where one does not start, none stays. */
export async function startServers({ dataDir, fsync }: ServersOptions): Promise<ClusterServers> {
  const folders = { kafka: join(dataDir, 'kafka'), redis: join(dataDir, 'redis') };
  const starting = [
    startPostgres({ dataDir: join(dataDir, 'postgres'), fsync }),
    startRedis({ dataDir: folders.redis }),
    startKafka({ dataDir: folders.kafka }),
  ] as const;
  // All have settled before anything is undone: none is forgotten that was still starting.
  const settled = await Promise.allSettled(starting);
  if (settled.some(({ status }) => status === 'rejected'))
    for (const each of settled) if (each.status === 'fulfilled') await each.value.stop();
  const [postgres, firstRedis, firstKafka] = await Promise.all(starting);
  let [redis, kafka] = [firstRedis, firstKafka];
  return {
    postgres,
    get redis() {
      return redis;
    },
    get kafka() {
      return kafka;
    },
    restart: async (name) => {
      if (name === 'kafka') {
        await kafka.stop();
        kafka = await startKafka({ dataDir: folders.kafka, port: kafka.port });
      } else {
        await redis.stop();
        redis = await startRedis({ dataDir: folders.redis, port: redis.port });
      }
    },
    stop: async () => {
      await kafka.stop();
      await redis.stop();
      await postgres.stop();
    },
  };
}
