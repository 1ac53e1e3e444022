import { connect } from 'node:net';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { artifactKeySchema, type ArtifactKey } from '../../../contracts/artifact.ts';
import { deviceIdSchema, tenantIdSchema } from '../../../contracts/ids.ts';
import type { SignalStep } from '../../../contracts/signals.ts';
import { place } from '../../../platform/log/place.ts';
import type { RedisNotice } from '../../../platform/signals/redis-connection.ts';
import type { RedisSignals } from '../../../platform/signals/redis-signals.ts';
import { ensureProgram } from '../../../scripts/servers/install.ts';
import { eventually } from '../../support/eventually.ts';
import {
  completeAll,
  openSignals,
  startTestRedis,
  testPartitions,
  type TestRedis,
} from '../../support/redis.ts';

const keyIn = (partition: number): ArtifactKey => {
  for (let n = 0; ; n += 1) {
    const key = artifactKeySchema.parse(`domain:n${n}.example`);
    if (place(key, testPartitions) === partition) return key;
  }
};
const [key, other] = [keyIn(1), keyIn(2)];
const tenantId = tenantIdSchema.parse('00000000-0000-4000-8000-000000000001');
const deviceId = deviceIdSchema.parse('00000000-0000-4000-9000-000000000001');
const stepOf = (of: ArtifactKey): SignalStep => ({
  key: of,
  sighting: { tenantId, deviceId, atMs: 1 },
  facts: [{ field: 'content:rules', order: 1, value: { probability: 0.5 } }],
});
const unavailable = { code: 'FB_SIGNALS_UNAVAILABLE', retryable: true };

let redis: TestRedis;
let notices: RedisNotice[];
let signals: RedisSignals;
beforeAll(() => ensureProgram('redis-server', 'redis-server'), 300_000);
beforeEach(async () => {
  redis = await startTestRedis();
  notices = [];
  signals = await openSignals(redis.server.url, {
    namespace: 'outage',
    commandTimeoutMs: 700,
    onNotice: (notice) => notices.push(notice),
  });
  await completeAll(signals);
});
afterEach(async () => {
  await signals.close();
  await redis.stop();
});

/** Does to the server what another client may do. */
async function command(...words: readonly string[]): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: redis.server.port }, () =>
      socket.write(`${words.join(' ')}\r\n`),
    );
    socket.once('data', () => resolve(void socket.destroy()));
    socket.once('error', reject);
  });
}

async function expectIncomplete(): Promise<void> {
  expect(await signals.isComplete(1)).toBe(false);
  await expect(signals.fold([stepOf(key)])).rejects.toMatchObject(unavailable);
  await expect(signals.read([key])).rejects.toMatchObject(unavailable);
  await expect(signals.dump([key])).rejects.toMatchObject(unavailable);
}

describe('a store that lost what it held', () => {
  test('is incomplete and tells nothing, until it is restored and completed', async () => {
    const before = await signals.fold([stepOf(key)]);
    const [state] = await signals.dump([key]);
    await command('FLUSHALL');
    await expectIncomplete();
    expect(await signals.restore([{ key, state, writtenMs: Date.now() }])).toBe(0);
    await expectIncomplete();
    await signals.complete(1);
    expect(await signals.isComplete(1)).toBe(true);
    expect(await signals.read([key])).toEqual(before);
  });

  test('folds nothing into an incomplete partition', async () => {
    await command('FLUSHALL');
    await expect(signals.fold([stepOf(key)])).rejects.toMatchObject(unavailable);
    await signals.complete(1);
    expect(await signals.dump([key])).toEqual([null]);
  });

  test('is complete one partition at a time', async () => {
    await command('FLUSHALL');
    await signals.complete(2);
    await expectIncomplete();
    expect(await signals.fold([stepOf(other)])).toHaveLength(1);
    await expect(signals.fold([stepOf(other), stepOf(key)])).rejects.toMatchObject(unavailable);
  });

  test('is not completed when it was emptied while it was restored', async () => {
    await signals.fold([stepOf(key)]);
    const [state] = await signals.dump([key]);
    await command('FLUSHALL');
    await signals.restore([{ key, state, writtenMs: Date.now() }]);
    await command('FLUSHALL');
    await expect(signals.complete(1)).rejects.toMatchObject(unavailable);
    await expectIncomplete();
    await signals.restore([{ key, state, writtenMs: Date.now() }]);
    await command('FLUSHALL');
    await expect(signals.restore([{ key, state, writtenMs: Date.now() }])).rejects.toMatchObject(unavailable);
    await signals.restore([{ key, state, writtenMs: Date.now() }]);
    await signals.complete(1);
    expect(await signals.dump([key])).toEqual([state]);
  });

  test('is incomplete when it began from a snapshot, which may lack what came last', async () => {
    await signals.fold([stepOf(key)]);
    await command('SAVE');
    await redis.restart();
    await eventually(() => (signals.unready === null ? true : null));
    await expectIncomplete();
    await signals.complete(1);
    const [state] = await signals.read([key]);
    expect(state?.devicesByTenant.get(tenantId)).toBe(1);
  });
});

describe('a store that is away', () => {
  test('rejects, and works again when it is back', async () => {
    await signals.fold([stepOf(key)]);
    await redis.server.stop();
    await expect(signals.fold([stepOf(key)])).rejects.toMatchObject(unavailable);
    await expect(signals.isComplete(1)).rejects.toMatchObject(unavailable);
    await redis.restart();
    await eventually(() => (signals.unready === null ? true : null));
    await expectIncomplete();
    await completeAll(signals);
    expect(await signals.fold([stepOf(key)])).toHaveLength(1);
    expect(notices.map(({ kind }) => kind)).toEqual(['connected', 'away', 'connected']);
  });

  test('rejects when it does not answer, then at once, and works again when it goes on', async () => {
    await signals.fold([stepOf(key)]);
    redis.server.kill('SIGSTOP');
    await expect(signals.fold([stepOf(key)])).rejects.toMatchObject(unavailable);
    await expect(signals.fold([stepOf(key)])).rejects.toMatchObject(unavailable);
    expect(signals.unready).not.toBeNull();
    redis.server.kill('SIGCONT');
    await eventually(() => (signals.unready === null ? true : null));
    expect(await signals.fold([stepOf(key)])).toHaveLength(1);
  });

  test('is sent again what was under way when one connection broke', async () => {
    const folded = Promise.all(Array.from({ length: 20 }, () => signals.fold([stepOf(key), stepOf(other)])));
    await command('CLIENT KILL TYPE normal SKIPME yes');
    expect(await folded).toHaveLength(20);
    expect(await signals.fold([stepOf(key)])).toHaveLength(1);
  });

  test('is sent its scripts again when it forgot them', async () => {
    await signals.fold([stepOf(key)]);
    await command('SCRIPT FLUSH');
    expect(await signals.fold([stepOf(key), stepOf(other)])).toHaveLength(2);
  });

  test('is closed, whether it is there or not, and rejects from then on', async () => {
    await redis.server.stop();
    await signals.close();
    await signals.close();
    await expect(signals.read([key])).rejects.toMatchObject(unavailable);
  });

  test('may be away when it is opened', async () => {
    const { port } = redis.server;
    await redis.server.stop();
    const early = await openSignals(`redis://127.0.0.1:${port}`, { connectTimeoutMs: 100 });
    await expect(early.read([key])).rejects.toMatchObject(unavailable);
    await redis.restart();
    await eventually(() => (early.unready === null ? true : null));
    expect(await early.isComplete(1)).toBe(false);
    await early.close();
  });

  test('keeps what it rejects for want of memory a retryable failure', async () => {
    await command('CONFIG SET maxmemory 1mb');
    await expect(signals.fold([stepOf(key)])).rejects.toMatchObject(unavailable);
    await command('CONFIG SET maxmemory 0');
    expect(await signals.fold([stepOf(key)])).toHaveLength(1);
  });
});
