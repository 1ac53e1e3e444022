import { describe, expect, test } from '@jest/globals';
import { describeFault, planFaults } from '../../../scripts/torture/schedule.ts';

const plan = (seed: string, faults = 40) => planFaults({ seed, profile: 'cluster', faults });

describe('the schedule of faults', () => {
  test('the same seed gives the same faults, another one others', () => {
    expect(plan('one')).toEqual(plan('one'));
    expect(plan('one')).not.toEqual(plan('two'));
  });

  // What a seed of an old report means must not change unnoticed: it would no longer replay that report's faults.
  test('a known seed gives known faults', () => {
    expect(plan('a known seed', 3).map(describeFault)).toMatchInlineSnapshot(`
     [
       "pause kafka for 12.9 s",
       "pause correlate-2 for 11.9 s",
       "kill -9 correlate-2, away for 3.6 s",
     ]
    `);
  });

  test('they begin one after the other, while there is input, and none before all others of a round had their turn', () => {
    const faults = plan('rounds', 56);
    const times = faults.map(({ at }) => at);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(Math.min(...times)).toBeGreaterThan(0);
    expect(Math.max(...times)).toBeLessThan(1);
    const names = faults.map(({ kind, target }) => `${kind} ${target}`);
    expect(new Set(names.slice(0, 28)).size).toBe(28);
    expect(names.slice(28).toSorted()).toEqual(names.slice(0, 28).toSorted());
  });

  test('some pauses outlast the session of a consumer group, and no kill waits that long', () => {
    const faults = plan('durations', 280);
    const durations = (kind: string) =>
      faults.filter((fault) => fault.kind === kind).map(({ forMs }) => forMs);
    expect(durations('pause').some((ms) => ms > 10_000)).toBe(true);
    expect(durations('pause').some((ms) => ms < 4_000)).toBe(true);
    expect(Math.max(...durations('kill'))).toBeLessThan(4_000);
  });

  test('the embedded profile has one process and its database', () => {
    const targets = planFaults({ seed: 'x', profile: 'embedded', faults: 8 }).map(({ target }) => target);
    expect(new Set(targets)).toEqual(new Set(['service', 'postgres']));
  });
});
