import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../../scripts/servers/free-port.ts';
import { ensureProgram } from '../../scripts/servers/install.ts';
import { startRedis, type RedisServer } from '../../scripts/servers/redis.ts';

export interface TestRedisCluster {
  /** `redis-cluster://` with all nodes. */
  readonly url: string;
  stopNode(index: number): Promise<void>;
  /** Again, on the same port: of what it had it keeps its slots alone. */
  startNode(index: number): Promise<void>;
  stop(): Promise<void>;
}

const nodeCount = 3;

/** Three real servers without replicas that share the slots evenly: node 0 has the first third. */
export async function startTestRedisCluster(): Promise<TestRedisCluster> {
  await ensureProgram('redis-cli', 'redis-tools');
  const home = mkdtempSync(join(tmpdir(), 'firebreak-redis-cluster-'));
  const start = async (index: number, port?: number): Promise<RedisServer> => {
    // By default 10,000 above the port, where there may be none.
    const busPort = await freePort();
    const args = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
    args.push('--cluster-node-timeout', '1000', '--cluster-require-full-coverage', 'no');
    return startRedis({ dataDir: join(home, String(index)), ...(port !== undefined && { port }), args });
  };
  const nodes: RedisServer[] = [];
  for (let index = 0; index < nodeCount; index += 1) nodes.push(await start(index));
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await promisify(execFile)('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
  return {
    url: `redis-cluster://${addresses.join(',')}`,
    stopNode: async (index) => nodes[index]?.stop(),
    startNode: async (index) => {
      nodes[index] = await start(index, nodes[index]?.port);
    },
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
      rmSync(home, { recursive: true, force: true });
    },
  };
}
