import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisSignals, type RedisSignalsOptions } from '../../platform/signals/redis-signals.ts';
import { parseRedisTarget } from '../../platform/signals/redis-target.ts';
import { startRedis, type RedisServer } from '../../scripts/servers/redis.ts';

export const testPartitions = 4;
const dayMs = 24 * 60 * 60 * 1000;

export interface TestRedis {
  readonly server: RedisServer;
  /** Ends the server, if it runs, and starts it again on the same port and folder. */
  restart(args?: readonly string[]): Promise<void>;
  stop(): Promise<void>;
}

/** A real server, its data in a folder of its own. */
export async function startTestRedis(args: readonly string[] = []): Promise<TestRedis> {
  const home = mkdtempSync(join(tmpdir(), 'firebreak-redis-'));
  let server = await startRedis({ dataDir: home, args });
  return {
    get server() {
      return server;
    },
    restart: async (changed = args) => {
      await server.stop();
      server = await startRedis({ dataDir: home, port: server.port, args: changed });
    },
    stop: async () => {
      await server.stop();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** A store of its own on the server, with a look-back of 30 days, no partition complete. */
export function openSignals(url: string, options: Partial<RedisSignalsOptions> = {}): Promise<RedisSignals> {
  return RedisSignals.open({
    target: parseRedisTarget(url),
    partitions: testPartitions,
    lookBackMs: 30 * dayMs,
    retentionMs: 180 * dayMs,
    namespace: `test-${randomUUID()}`,
    // Longer than in production: a loaded machine is slow, and only what is meant to be away may be.
    connectTimeoutMs: 5000,
    commandTimeoutMs: 5000,
    ...options,
  });
}

export async function completeAll(signals: RedisSignals): Promise<void> {
  for (let partition = 0; partition < testPartitions; partition += 1) await signals.complete(partition);
}
