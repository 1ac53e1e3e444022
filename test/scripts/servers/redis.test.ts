import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { ensureProgram } from '../../../scripts/servers/install.ts';
import { startRedis } from '../../../scripts/servers/redis.ts';

const home = mkdtempSync(join(tmpdir(), 'firebreak-start-redis-'));
beforeAll(() => ensureProgram('redis-server', 'redis-server'), 300_000);
afterAll(() => rmSync(home, { recursive: true, force: true }));

const isRunning = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('startRedis', () => {
  test('a server runs until it is stopped, and leaves nothing behind', async () => {
    const dataDir = join(home, 'a', 'b');
    const server = await startRedis({ dataDir });
    expect(server.url).toBe(`redis://127.0.0.1:${server.port}`);
    expect(isRunning(server.pid)).toBe(true);
    await server.stop();
    expect(isRunning(server.pid)).toBe(false);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test('a paused server can be stopped', async () => {
    const server = await startRedis({ dataDir: join(home, 'paused') });
    server.kill('SIGSTOP');
    await server.stop();
    expect(isRunning(server.pid)).toBe(false);
  });

  test('a port that another one has is an error with what the server said', async () => {
    const first = await startRedis({ dataDir: join(home, 'first') });
    await expect(startRedis({ dataDir: join(home, 'second'), port: first.port })).rejects.toThrow(/in use/);
    await first.stop();
  });

  test('an argument that there is none of is an error with what the server said', async () => {
    await expect(startRedis({ dataDir: join(home, 'wrong'), args: ['--no-such', '1'] })).rejects.toThrow(
      /no-such/,
    );
  });
});
