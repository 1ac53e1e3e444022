import { describe, expect, test } from '@jest/globals';
import { artifactKeySchema, type ArtifactKey } from '../../../contracts/artifact.ts';
import { deviceIdSchema, tenantIdSchema } from '../../../contracts/ids.ts';
import { EmbeddedSignals } from '../../../platform/signals/embedded-signals.ts';
import type { ChangelogState } from '../../../platform/signals/signals.ts';
import { signalsSuite } from './signals-suite.ts';

const dayMs = 24 * 60 * 60 * 1000;
const lookBackMs = 30 * dayMs;
const keyOf = (n: number) => artifactKeySchema.parse(`file:sha256:${n.toString(16).padStart(64, '0')}`);
const tenantId = tenantIdSchema.parse('00000000-0000-4000-8000-000000000001');
const deviceId = deviceIdSchema.parse('00000000-0000-4000-9000-000000000001');
const sightingOf = (n: number, atMs = 1) => ({
  key: keyOf(n),
  sighting: { tenantId, deviceId, atMs },
  facts: [],
});

signalsSuite('embedded', {
  create: (retentionMs) =>
    Promise.resolve(
      new EmbeddedSignals({
        load: () => Promise.resolve(new Map()),
        cacheEntries: 2,
        lookBackMs,
        retentionMs,
      }),
    ),
});

describe('EmbeddedSignals', () => {
  function withChangelog(retentionMs = 180 * dayMs) {
    const changelog = new Map<ArtifactKey, ChangelogState>();
    const loads: (readonly ArtifactKey[])[] = [];
    const load = (keys: readonly ArtifactKey[]) => {
      loads.push(keys);
      return Promise.resolve(new Map([...changelog].filter(([key]) => keys.includes(key))));
    };
    const signals = new EmbeddedSignals({ load, cacheEntries: 2, lookBackMs, retentionMs });
    const persist = async (keys: readonly ArtifactKey[], writtenMs = Date.now()) => {
      const states = await signals.dump(keys);
      for (const [index, key] of keys.entries()) changelog.set(key, { state: states[index], writtenMs });
      signals.release(keys);
    };
    return { signals, loads, persist };
  }

  test('what the changelog does not hold yet stays in memory beyond the bound', async () => {
    const { signals, loads } = withChangelog();
    await signals.fold(Array.from({ length: 10 }, (_, n) => sightingOf(n)));
    await signals.read(Array.from({ length: 10 }, (_, n) => keyOf(n)));
    expect(loads).toHaveLength(1);
  });

  test('what was released is evicted and read back from the changelog', async () => {
    const { signals, loads, persist } = withChangelog();
    const keys = Array.from({ length: 10 }, (_, n) => keyOf(n));
    await signals.fold(keys.map((_, n) => sightingOf(n)));
    await persist(keys);
    const [state] = await signals.read([keyOf(0)]);
    expect(state?.devicesByTenant.get(tenantId)).toBe(1);
    expect(loads).toHaveLength(2);
  });

  test('what the changelog got longer ago than the retention is unknown', async () => {
    const { signals, persist } = withChangelog(dayMs);
    const keys = Array.from({ length: 6 }, (_, n) => keyOf(n));
    await signals.fold(keys.map((_, n) => sightingOf(n)));
    await persist(keys.slice(0, 1), Date.now() - dayMs);
    await persist(keys.slice(1, 6));
    const states = await signals.read(keys.slice(0, 2));
    expect(states.map(({ firstSeenMs }) => firstSeenMs)).toEqual([null, 1]);
  });

  test('a state that changed after it was dumped is not released', async () => {
    const { signals, loads } = withChangelog();
    await signals.fold([sightingOf(1)]);
    await signals.dump([keyOf(1)]);
    await signals.fold([sightingOf(1, 99)]);
    signals.release([keyOf(1)]);
    await signals.fold([2, 3, 4, 5].map((n) => sightingOf(n)));
    const [state] = await signals.read([keyOf(1)]);
    expect(state?.lastSeenMs).toBe(99);
    expect(loads).toHaveLength(2);
  });
});
