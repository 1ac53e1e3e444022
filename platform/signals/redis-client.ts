import { Cluster, Redis, type RedisOptions } from 'ioredis';
import { defineScripts } from './redis-scripts.ts';
import type { RedisNode, RedisTarget } from './redis-target.ts';

export interface RedisTimes {
  /** Longest wait for a connection, and for the first one when the store is opened. */
  readonly connectTimeoutMs: number;
  /** Longest wait for the answer to what was sent; a server that says nothing for so long is away. */
  readonly commandTimeoutMs: number;
}

const longestReconnectMs = 1000;
const clusterRetries = 5;
const clusterRetryMs = 50;
const graceMs = 50;

/**
 * A client that connects at once and again whenever it lost the connection, and that queues nothing while it has none.
 * Whoever takes it listens to `error`.
 */
export function createRedisClient(target: RedisTarget, times: RedisTimes): Redis | Cluster {
  const client = target.kind === 'cluster' ? createCluster(target, times) : createSingle(target, times);
  defineScripts(client);
  return client;
}

function createSingle(target: Exclude<RedisTarget, { kind: 'cluster' }>, times: RedisTimes): Redis {
  const common = {
    ...commonOptions(target, times),
    db: target.db,
    enableOfflineQueue: false,
    // What was sent on a lost connection is rejected at once; the caller decides whether to send it again.
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: reconnectDelayMs,
    // A master that became a replica: ask anew where the master is.
    reconnectOnError: (error: Error) => error.message.includes('READONLY'),
  };
  if (target.kind === 'standalone') return new Redis({ ...common, ...target.node });
  return new Redis({
    ...common,
    sentinels: target.sentinels.map(({ host, port }) => ({ host, port })),
    name: target.master,
    sentinelRetryStrategy: reconnectDelayMs,
    sentinelCommandTimeout: times.commandTimeoutMs,
    ...(target.tls !== null && { enableTLSForSentinelMode: true, sentinelTLS: target.tls }),
  });
}

function createCluster(target: Extract<RedisTarget, { kind: 'cluster' }>, times: RedisTimes): Cluster {
  const nodes = target.nodes.map(({ host, port }: RedisNode) => ({ host, port }));
  return new Cluster(nodes, {
    redisOptions: commonOptions(target, times),
    clusterRetryStrategy: reconnectDelayMs,
    enableOfflineQueue: false,
    maxRedirections: clusterRetries,
    retryDelayOnFailover: clusterRetryMs,
    retryDelayOnClusterDown: clusterRetryMs,
    retryDelayOnTryAgain: clusterRetryMs,
    slotsRefreshTimeout: times.commandTimeoutMs,
    // Certificates name hosts: under TLS what the cluster calls its nodes is not resolved to addresses.
    ...(target.tls !== null && {
      dnsLookup: (host: string, done: (error: null, address: string) => void) => done(null, host),
    }),
  });
}

function commonOptions(target: RedisTarget, times: RedisTimes): RedisOptions {
  return {
    ...(target.username !== null && { username: target.username }),
    ...(target.password !== null && { password: target.password }),
    ...(target.tls !== null && { tls: target.tls }),
    connectTimeout: times.connectTimeoutMs,
    disconnectTimeout: graceMs,
    // Ends a handshake that nobody answers. What the store sends has a deadline of its own, which comes first.
    commandTimeout: times.commandTimeoutMs + graceMs,
    connectionName: 'firebreak-signals',
    keepAlive: 10_000,
  };
}

function reconnectDelayMs(attempt: number): number {
  return Math.min(longestReconnectMs, 25 * 2 ** Math.min(10, attempt));
}
