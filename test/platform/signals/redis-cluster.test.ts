import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { artifactKeySchema } from '../../../contracts/artifact.ts';
import { deviceIdSchema, tenantIdSchema } from '../../../contracts/ids.ts';
import { place } from '../../../platform/log/place.ts';
import type { RedisSignals } from '../../../platform/signals/redis-signals.ts';
import { eventually } from '../../support/eventually.ts';
import { completeAll, openSignals, testPartitions } from '../../support/redis.ts';
import { startTestRedisCluster, type TestRedisCluster } from '../../support/redis-cluster.ts';
import { signalsSuite } from './signals-suite.ts';

let cluster: TestRedisCluster;
beforeAll(async () => {
  cluster = await startTestRedisCluster();
}, 300_000);
afterAll(() => cluster.stop());

async function openComplete(retentionMs = 180 * 24 * 60 * 60 * 1000): Promise<RedisSignals> {
  const signals = await openSignals(cluster.url, { retentionMs });
  await completeAll(signals);
  return signals;
}

signalsSuite('redis cluster', { create: openComplete });

describe('RedisSignals on a cluster', () => {
  const keys = Array.from({ length: 40 }, (_, n) => artifactKeySchema.parse(`domain:n${n}.example`));
  const sighting = {
    tenantId: tenantIdSchema.parse('00000000-0000-4000-8000-000000000001'),
    deviceId: deviceIdSchema.parse('00000000-0000-4000-9000-000000000001'),
    atMs: 5,
  };
  const steps = keys.map((key) => ({ key, sighting, facts: [] }));
  /** `{p3}` is in slot 3689, of the first third; the others are in slots of the other two. */
  const onFirstNode = ({ key }: { readonly key: string }) => place(key, testPartitions) === 3;
  const elsewhere = steps.filter((step) => !onFirstNode(step));
  const there = steps.filter(onFirstNode);

  test('one call reaches artifacts of all partitions and nodes, in order', async () => {
    const signals = await openComplete();
    const states = await signals.fold(steps);
    expect(states.map(({ key }) => key)).toEqual(keys);
    expect(states.every(({ firstSeenMs }) => firstSeenMs === 5)).toBe(true);
    expect(new Set(keys.map((key) => place(key, testPartitions))).size).toBe(testPartitions);
    await signals.close();
  });

  test('a node that is away keeps its partitions from folding, and no others; it comes back incomplete', async () => {
    const signals = await openComplete();
    await signals.fold(steps);
    await cluster.stopNode(0);
    await expect(signals.fold(steps)).rejects.toMatchObject({ code: 'FB_SIGNALS_UNAVAILABLE' });
    expect(await signals.fold(elsewhere)).toHaveLength(elsewhere.length);
    await expect(signals.fold(there)).rejects.toMatchObject({ code: 'FB_SIGNALS_UNAVAILABLE' });
    await cluster.startNode(0);
    const isComplete = await eventually(() => signals.isComplete(3).catch(() => null));
    expect(isComplete).toBe(false);
    await signals.complete(3);
    expect(await signals.fold(steps)).toHaveLength(steps.length);
    await signals.close();
  });
});
