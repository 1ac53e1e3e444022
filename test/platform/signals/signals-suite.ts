import { afterEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { artifactKeySchema } from '../../../contracts/artifact.ts';
import { deviceIdSchema, tenantIdSchema } from '../../../contracts/ids.ts';
import { maxFacts, maxMembers, type ArtifactSignals, type SignalStep } from '../../../contracts/signals.ts';
import type { Signals } from '../../../platform/signals/signals.ts';
import { eventually } from '../../support/eventually.ts';

export interface SignalsFixture {
  /** An empty store with a look-back of 30 days, of which all partitions are complete. */
  create(retentionMs: number): Promise<Signals>;
}

const dayMs = 24 * 60 * 60 * 1000;
const startMs = Date.UTC(2026, 0, 1);
const keyOf = (n: number) => artifactKeySchema.parse(`file:sha256:${n.toString(16).padStart(64, '0')}`);
const tenantOf = (n: number) =>
  tenantIdSchema.parse(`00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`);
const deviceOf = (n: number) =>
  deviceIdSchema.parse(`00000000-0000-4000-9000-${n.toString(16).padStart(12, '0')}`);
const sighting = (key: number, tenant: number, device: number, atMs: number): SignalStep => ({
  key: keyOf(key),
  sighting: { tenantId: tenantOf(tenant), deviceId: deviceOf(device), atMs },
  facts: [],
});

const stepArbitrary = fc.record({
  key: fc.integer({ min: 0, max: 2 }),
  tenant: fc.integer({ min: 0, max: 3 }),
  device: fc.integer({ min: 0, max: 5 }),
  day: fc.integer({ min: 0, max: 20 }),
  field: fc.constantFrom('content:rules', 'confirmed:x', 'guard:y'),
  value: fc.integer({ min: 0, max: 3 }),
});
const toStep = (raw: {
  key: number;
  tenant: number;
  device: number;
  day: number;
  field: string;
  value: number;
}): SignalStep => ({
  ...sighting(raw.key, raw.tenant, raw.device, startMs + raw.day * dayMs),
  facts: [{ field: raw.field, order: raw.day, value: raw.value }],
});

/** What is observable of a state, for comparison. */
function visible(signals: ArtifactSignals): unknown {
  const sorted = <K extends string, V>(map: ReadonlyMap<K, V>) =>
    [...map].sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...signals, devicesByTenant: sorted(signals.devicesByTenant), facts: sorted(signals.facts) };
}

/** The behaviour of the port. Every implementation runs it. */
export function signalsSuite(name: string, fixture: SignalsFixture): void {
  describe(`Signals: ${name}`, () => {
    const open: Signals[] = [];
    const create = async (retentionMs = 180 * dayMs) => {
      const signals = await fixture.create(retentionMs);
      open.push(signals);
      return signals;
    };
    afterEach(async () => {
      await Promise.all(open.splice(0).map((signals) => signals.close()));
    });

    test('an unknown artifact has the empty state', async () => {
      const [state] = await (await create()).read([keyOf(1)]);
      expect(state).toMatchObject({ key: keyOf(1), firstSeenMs: null, lastSeenMs: null });
      expect(state?.devicesByTenant.size).toBe(0);
    });

    test('each step returns the state after it', async () => {
      const signals = await create();
      const states = await signals.fold([
        sighting(1, 1, 1, startMs),
        sighting(1, 1, 2, startMs + 5),
        sighting(1, 2, 3, startMs + 1),
      ]);
      expect(states.map((state) => [...state.devicesByTenant.values()])).toEqual([[1], [2], [2, 1]]);
      expect(states[2]).toMatchObject({ firstSeenMs: startMs, lastSeenMs: startMs + 5 });
    });

    test('a device counts once, however often it reports', async () => {
      const signals = await create();
      await signals.fold(Array.from({ length: 50 }, (_, n) => sighting(1, 1, 1, startMs + n)));
      const [state] = await signals.read([keyOf(1)]);
      expect(state?.devicesByTenant.get(tenantOf(1))).toBe(1);
    });

    test('devices that have not seen it in the look-back no longer count', async () => {
      const signals = await create();
      await signals.fold([sighting(1, 1, 1, startMs), sighting(1, 1, 2, startMs + 31 * dayMs)]);
      const [state] = await signals.read([keyOf(1)]);
      expect(state?.devicesByTenant.get(tenantOf(1))).toBe(1);
      expect(state?.firstSeenMs).toBe(startMs);
    });

    test('of a fact the last by order stays', async () => {
      const signals = await create();
      const fact = (order: number, value: unknown): SignalStep => ({
        key: keyOf(1),
        facts: [{ field: 'content:rules', order, value }],
      });
      await signals.fold([fact(2, 'second'), fact(1, 'first')]);
      const [state] = await signals.read([keyOf(1)]);
      expect(state?.facts.get('content:rules')?.value).toBe('second');
    });

    test('members and facts are bounded', async () => {
      const signals = await create();
      await signals.fold(Array.from({ length: maxMembers + 50 }, (_, n) => sighting(1, 1, n, startMs)));
      await signals.fold(
        Array.from({ length: maxFacts + 20 }, (_, n) => ({
          key: keyOf(1),
          facts: [{ field: `finding:t:${n}`, order: n, value: n }],
        })),
      );
      const [state] = await signals.read([keyOf(1)]);
      expect(state?.devicesByTenant.get(tenantOf(1))).toBe(maxMembers);
      expect(state?.facts.size).toBe(maxFacts);
      expect(state?.facts.has('finding:t:0')).toBe(false);
    });

    test('a dumped state is restored elsewhere, and restoring it again changes nothing', async () => {
      const [from, to] = [await create(), await create()];
      await from.fold([
        sighting(1, 1, 1, startMs),
        { key: keyOf(1), facts: [{ field: 'content:rules', order: 1, value: { p: 0.5 } }] },
      ]);
      const [dumped] = await from.dump([keyOf(1)]);
      const state = JSON.parse(JSON.stringify(dumped)) as unknown;
      expect(
        await to.restore([
          { key: keyOf(1), state, writtenMs: Date.now() },
          { key: keyOf(1), state, writtenMs: Date.now() },
        ]),
      ).toBe(0);
      const [[a], [b]] = [await from.read([keyOf(1)]), await to.read([keyOf(1)])];
      expect(visible(b as ArtifactSignals)).toEqual(visible(a as ArtifactSignals));
    });

    test('a broken state is skipped and counted', async () => {
      const signals = await create();
      expect(
        await signals.restore([{ key: keyOf(1), state: { first: 'yesterday' }, writtenMs: Date.now() }]),
      ).toBe(1);
    });

    test('of an unknown artifact null is dumped, and restoring that changes nothing', async () => {
      const signals = await create();
      expect(await signals.dump([keyOf(1)])).toEqual([null]);
      expect(await signals.restore([{ key: keyOf(1), state: null, writtenMs: Date.now() }])).toBe(0);
      expect(await signals.dump([keyOf(1)])).toEqual([null]);
    });

    test('a restored state is merged into what is there', async () => {
      const [from, to] = [await create(), await create()];
      await from.fold([sighting(1, 1, 1, startMs), sighting(1, 2, 2, startMs + 7)]);
      await to.fold([sighting(1, 1, 1, startMs + 3), sighting(1, 3, 3, startMs + 5)]);
      const [dumped] = await from.dump([keyOf(1)]);
      await to.restore([{ key: keyOf(1), state: dumped, writtenMs: Date.now() }]);
      const [state] = await to.read([keyOf(1)]);
      expect(state).toMatchObject({ firstSeenMs: startMs, lastSeenMs: startMs + 7 });
      expect(state?.devicesByTenant.size).toBe(3);
    });

    test('a partition that was completed is complete, however often', async () => {
      const signals = await create();
      await signals.complete(0);
      await signals.complete(0);
      expect(await signals.isComplete(0)).toBe(true);
    });

    test('one call may name an artifact more than once', async () => {
      const signals = await create();
      await signals.fold([
        sighting(1, 1, 1, startMs),
        sighting(2, 1, 1, startMs),
        sighting(1, 1, 2, startMs),
      ]);
      const states = await signals.read([keyOf(1), keyOf(2), keyOf(1)]);
      expect(states.map((state) => state.devicesByTenant.get(tenantOf(1)))).toEqual([2, 1, 2]);
      expect(await signals.dump([keyOf(1), keyOf(1)])).toHaveLength(2);
    });

    test('what nobody sees or testifies about is forgotten, and what is goes on being known', async () => {
      const signals = await create(2000);
      const fact: SignalStep = {
        key: keyOf(1),
        facts: [{ field: 'content:rules', order: 1, value: 'told' }],
      };
      await signals.fold([
        sighting(1, 1, 1, startMs),
        sighting(2, 1, 1, startMs),
        sighting(3, 1, 1, startMs),
      ]);
      const isForgotten = async () => {
        const [told, seen] = await signals.fold([fact, sighting(3, 1, 2, startMs + 1)]);
        expect([told?.firstSeenMs, seen?.firstSeenMs]).toEqual([startMs, startMs]);
        // Who only asks keeps nothing alive.
        const [asked] = await signals.fold([{ key: keyOf(2), facts: [] }]);
        return asked?.firstSeenMs === null ? true : null;
      };
      await eventually(isForgotten, 20_000);
      const [one, two, three] = await signals.read([keyOf(1), keyOf(2), keyOf(3)]);
      expect([one, three].map((state) => state?.devicesByTenant.get(tenantOf(1)))).toEqual([1, 2]);
      expect(two).toEqual({
        ...two,
        firstSeenMs: null,
        lastSeenMs: null,
        devicesByTenant: new Map(),
        facts: new Map(),
      });
      expect(await signals.dump([keyOf(2)])).toEqual([null]);
    });

    test('what is restored is kept no longer than what was lost would have been', async () => {
      const [from, to] = [await create(), await create(4000)];
      await from.fold([sighting(1, 1, 1, startMs)]);
      const [state] = await from.dump([keyOf(1)]);
      const restored = (key: number, agoMs: number) => ({
        key: keyOf(key),
        state,
        writtenMs: Date.now() - agoMs,
      });
      await to.fold([sighting(3, 1, 2, startMs)]);
      // The changelog may hold an artifact more than once: the newest counts, also where it does not come last.
      expect(await to.restore([restored(1, 4001), restored(2, 3000), restored(3, 3000)])).toBe(0);
      expect(await to.restore([restored(4, 0), restored(4, 3000)])).toBe(0);
      const firstSeen = async () =>
        (await to.read([1, 2, 3, 4].map(keyOf))).map(({ firstSeenMs }) => firstSeenMs !== null);
      expect((await firstSeen())[0]).toBe(false);
      await eventually(async () => ((await firstSeen())[1] === true ? null : true), 20_000);
      expect(await firstSeen()).toEqual([false, false, true, true]);
      await eventually(async () => ((await firstSeen()).includes(true) ? null : true), 20_000);
    });

    test('order and repetition of steps do not matter', async () => {
      const [a, b] = [await create(), await create()];
      let runs = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(stepArbitrary, { maxLength: 30 }),
          fc.array(fc.nat(), { maxLength: 30 }),
          async (raw, picks) => {
            // Artifacts that no other run has touched.
            const base = (runs += 1) * 100;
            const steps = raw.map((step) => toStep({ ...step, key: base + step.key }));
            const repeated = [
              ...steps,
              ...picks
                .map((pick) => steps[pick % Math.max(1, steps.length)])
                .filter((step) => step !== undefined),
            ];
            await a.fold(steps);
            await b.fold(repeated.reverse());
            const keys = [keyOf(base), keyOf(base + 1), keyOf(base + 2)];
            expect((await b.read(keys)).map(visible)).toEqual((await a.read(keys)).map(visible));
          },
        ),
        { numRuns: 50 },
      );
    });
  });
}
