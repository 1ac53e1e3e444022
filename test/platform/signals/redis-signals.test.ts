import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { artifactKeySchema } from '../../../contracts/artifact.ts';
import { deviceIdSchema, tenantIdSchema } from '../../../contracts/ids.ts';
import { maxFacts, maxMembers, type ArtifactSignals, type SignalStep } from '../../../contracts/signals.ts';
import { place } from '../../../platform/log/place.ts';
import type { RedisNotice } from '../../../platform/signals/redis-connection.ts';
import type { RedisSignals } from '../../../platform/signals/redis-signals.ts';
import { SignalState, type DumpedState } from '../../../platform/signals/signal-state.ts';
import { eventually } from '../../support/eventually.ts';
import {
  completeAll,
  openSignals,
  startTestRedis,
  testPartitions,
  type TestRedis,
} from '../../support/redis.ts';
import { signalsSuite } from './signals-suite.ts';

let redis: TestRedis;
beforeAll(async () => {
  redis = await startTestRedis();
}, 300_000);
afterAll(() => redis.stop());

async function openComplete(retentionMs = 180 * 24 * 60 * 60 * 1000): Promise<RedisSignals> {
  const signals = await openSignals(redis.server.url, { retentionMs });
  await completeAll(signals);
  return signals;
}

signalsSuite('redis', { create: openComplete });

const dayMs = 24 * 60 * 60 * 1000;
const lookBackMs = 30 * dayMs;
const startMs = Date.UTC(2026, 0, 1);
const keys = ['domain:one.example', 'domain:two.example', 'domain:three.example'].map((text) =>
  artifactKeySchema.parse(text),
);
const tenants = [1, 2, 3].map((n) => tenantIdSchema.parse(`00000000-0000-4000-8000-00000000000${n}`));
const devices = [1, 2, 3, 4].map((n) => deviceIdSchema.parse(`00000000-0000-4000-9000-00000000000${n}`));

const timeArbitrary = fc
  .tuple(fc.integer({ min: 0, max: 80 }), fc.constantFrom(0, 1, 0.5))
  .map(([day, more]) => startMs + day * dayMs + more);
const factArbitrary = fc.record({
  field: fc.constantFrom('content:rules', 'confirmed:x', 'f: a b', '', 'ü', '\u{1f600}', '\uffee', 'z'),
  order: fc.constantFrom(0, 1, 2, 2.5, -3, 1e21, startMs),
  value: fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('\u{1f600}', '\uffee', '\ud7ff', 'a', 'aa')),
});
const stepArbitrary: fc.Arbitrary<SignalStep> = fc.record(
  {
    key: fc.constantFrom(...keys),
    sighting: fc.record({
      tenantId: fc.constantFrom(...tenants),
      deviceId: fc.constantFrom(...devices),
      atMs: timeArbitrary,
    }),
    facts: fc.array(factArbitrary, { maxLength: 3 }),
  },
  { requiredKeys: ['key', 'facts'] },
);
/** Batches with steps of earlier ones said again, in another order. */
const batchesArbitrary = fc
  .array(fc.array(stepArbitrary, { maxLength: 12 }), { minLength: 1, maxLength: 4 })
  .chain((batches) => {
    const all = batches.flat();
    const again = all.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...all), { maxLength: 10 });
    return again.map((repeated) => [...batches, repeated]);
  });

/** An artifact that is nearly full, so that a few steps reach the bounds. */
const crowded: DumpedState = {
  first: startMs - 9 * dayMs,
  last: startMs + 31 * dayMs,
  members: Object.fromEntries(
    Array.from({ length: maxMembers - 2 }, (_, n) => [
      `${tenants[n % 3] ?? ''}/00000000-0000-4000-9000-${(n + 100).toString(16).padStart(12, '0')}`,
      startMs - 8 * dayMs + (n % 40) * dayMs,
    ]),
  ),
  facts: Object.fromEntries(
    Array.from({ length: maxFacts - 2 }, (_, n) => [`finding:t:${n}`, [n % 5, { n }]]),
  ),
};

function visible(signals: ArtifactSignals | undefined): unknown {
  if (signals === undefined) return undefined;
  const sorted = <Value>(map: ReadonlyMap<string, Value>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...signals, devicesByTenant: sorted(signals.devicesByTenant), facts: sorted(signals.facts) };
}

describe('RedisSignals and the model', () => {
  async function compare(
    signals: RedisSignals,
    batches: readonly (readonly SignalStep[])[],
    before: unknown,
  ) {
    const models = new Map(keys.map((key) => [key, new SignalState()]));
    await signals.restore(keys.map((key) => ({ key, state: before, writtenMs: Date.now() })));
    for (const model of models.values()) model.merge(before);
    for (const steps of batches) {
      const states = await signals.fold(steps);
      const expected = steps.map((step) => {
        const model = models.get(step.key);
        model?.fold(step);
        return model?.snapshot(step.key, lookBackMs);
      });
      expect(states.map(visible)).toEqual(expected.map(visible));
    }
    expect((await signals.dump(keys)).map(asSent)).toEqual([...models.values()].map((m) => asSent(m.dump())));
  }
  const asSent = (state: unknown) => JSON.parse(JSON.stringify(state)) as unknown;

  test.each([
    ['empty', null, 100],
    ['crowded', crowded, 8],
  ])('agree on every state after every step (%s)', async (_, before, numRuns) => {
    await fc.assert(
      fc.asyncProperty(batchesArbitrary, async (batches) => {
        const signals = await openComplete();
        try {
          await compare(signals, batches, before);
        } finally {
          await signals.close();
        }
      }),
      { numRuns },
    );
  });

  test('restore what the other dumped', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(stepArbitrary, { maxLength: 20 }), async (steps) => {
        const [a, b] = [await openComplete(), await openComplete()];
        try {
          await a.fold(steps);
          const there = new SignalState();
          const [key = keys[0] as never] = keys;
          expect(there.merge(asSent((await a.dump([key]))[0]))).toBe(true);
          expect(await b.restore([{ key, state: asSent(there.dump()), writtenMs: Date.now() }])).toBe(0);
          expect(asSent(await b.dump([key]))).toEqual(asSent(await a.dump([key])));
          expect((await b.read([key])).map(visible)).toEqual((await a.read([key])).map(visible));
        } finally {
          await Promise.all([a.close(), b.close()]);
        }
      }),
      { numRuns: 40 },
    );
  });
});

describe('RedisSignals', () => {
  const step = (device: number, atMs: number): SignalStep => ({
    key: keys[0] as never,
    sighting: { tenantId: tenants[0] as never, deviceId: devices[device] as never, atMs },
    facts: [],
  });

  test('all keys of an artifact expire together, and what says that a partition is complete never does', async () => {
    const namespace = 'expiry';
    const client = new Redis(redis.server.url);
    // As a version completed it that let nothing expire: it is restored once more.
    await client.set(
      `${namespace}:{p0}:complete`,
      /run_id:(\w+)/.exec(await client.info('server'))?.[1] ?? '',
    );
    const signals = await openSignals(redis.server.url, { namespace, retentionMs: 60_000 });
    expect(await signals.isComplete(0)).toBe(false);
    const [key = '' as never] = keys;
    const partition = place(key, testPartitions);
    await signals.restore([{ key, state: crowded, writtenMs: Date.now() }]);
    await completeAll(signals);
    const inRedis = (name: string) => `${namespace}:{p${partition}}:${name}`;
    const expiries = () =>
      Promise.all(['a', 'm'].map((part) => client.pexpiretime(inRedis(`${part}:${key}`))));
    const [hash = 0, members] = await expiries();
    expect(hash).toBe(members);
    expect(hash).toBeGreaterThan(Date.now());
    await client.persist(inRedis(`a:${key}`));
    await signals.fold([step(1, startMs)]);
    const [renewed = 0, ...others] = await expiries();
    expect(others).toEqual([renewed]);
    expect(renewed).toBeGreaterThanOrEqual(hash);
    expect(await client.pexpiretime(inRedis('whole'))).toBe(-1);
    expect(await client.pexpiretime(inRedis('lineage'))).toBe(-1);
    // Known by a fact alone at first: the set of members is younger than the hash.
    const late = keys[1] ?? key;
    await signals.fold([{ key: late, facts: [{ field: 'content:rules', order: 1, value: 1 }] }]);
    await signals.fold([{ ...step(1, startMs), key: late }]);
    await signals.restore([{ key: late, state: crowded, writtenMs: Date.now() - 50_000 }]);
    const [lateHash = 0, lateMembers] = await Promise.all(
      ['a', 'm'].map((part) =>
        client.pexpiretime(`${namespace}:{p${place(late, testPartitions)}}:${part}:${late}`),
      ),
    );
    expect(lateMembers).toBe(lateHash);
    expect(lateHash).toBeGreaterThan(Date.now() + 30_000);
    client.disconnect();
    await signals.close();
  });

  test('another look-back counts the same members anew', async () => {
    const namespace = 'look-back';
    const [long, short] = [
      await openSignals(redis.server.url, { namespace }),
      await openSignals(redis.server.url, { namespace, lookBackMs: 10 }),
    ];
    await completeAll(long);
    await long.fold([step(0, 5), step(1, 100), step(2, 101)]);
    const devicesOf = ([state]: readonly ArtifactSignals[]) => [...(state?.devicesByTenant.values() ?? [])];
    expect(devicesOf(await short.read(keys.slice(0, 1)))).toEqual([2]);
    expect(devicesOf(await long.read(keys.slice(0, 1)))).toEqual([3]);
    expect(devicesOf(await short.fold([step(3, 120)]))).toEqual([1]);
    await Promise.all([long.close(), short.close()]);
  });

  test('states of more than one round trip are restored and dumped in order', async () => {
    const signals = await openComplete();
    const states = Array.from({ length: 50 }, (_, n) => ({
      key: artifactKeySchema.parse(`domain:n${n}.example`),
      state: { ...crowded, facts: { 'content:rules': [n, { n }] } },
      writtenMs: Date.now(),
    }));
    expect(await signals.restore(states)).toBe(0);
    const dumped = await signals.dump(states.map(({ key }) => key));
    expect(dumped).toEqual(states.map(({ state }) => state));
    await signals.close();
  });

  test('an eviction policy is noticed, as it loses what is known', async () => {
    const evicting = await startTestRedis(['--maxmemory-policy', 'allkeys-lru']);
    const notices: RedisNotice[] = [];
    const signals = await openSignals(evicting.server.url, { onNotice: (notice) => notices.push(notice) });
    await eventually(() => (notices.some(({ kind }) => kind === 'evicting') ? true : null));
    expect(notices).toContainEqual({ kind: 'evicting', policy: 'allkeys-lru' });
    await signals.close();
    await evicting.stop();
  });

  test('a password and a database are used', async () => {
    const guarded = await startTestRedis(['--requirepass', 'p@ss/word']);
    const url = `redis://:p%40ss%2Fword@127.0.0.1:${guarded.server.port}/3`;
    const signals = await openSignals(url);
    await completeAll(signals);
    expect(await signals.isComplete(0)).toBe(true);
    const wrong = await openSignals(url.replace('p%40', 'q'), { connectTimeoutMs: 200 });
    await expect(wrong.isComplete(0)).rejects.toMatchObject({ code: 'FB_SIGNALS_UNAVAILABLE' });
    expect(wrong.unready).toMatch(/WRONGPASS/);
    await Promise.all([signals.close(), wrong.close()]);
    await guarded.stop();
  });
});
