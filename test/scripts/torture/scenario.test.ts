import { describe, expect, test } from '@jest/globals';
import { reportSchema } from '../../../contracts/report.ts';
import { keyOf, planScenario } from '../../../scripts/torture/scenario.ts';

describe('the input of a torture run', () => {
  const scenario = planScenario('a seed', 2000);
  const reports = scenario.batches.flatMap((batch) => batch.reports);

  test('is the same for the same seed', () => {
    expect(planScenario('a seed', 2000)).toEqual(scenario);
    expect(planScenario('another seed', 2000).batches).not.toEqual(scenario.batches);
  });

  test('has as many valid reports as were asked for, each with an id of its own', () => {
    expect(reports).toHaveLength(2000);
    expect(scenario.reports).toBe(2000);
    expect(new Set(reports.map(({ id }) => id)).size).toBe(2000);
    for (const report of reports) reportSchema.parse({ ...report, '@timestamp': '2026-01-01T00:00:00.000Z' });
  });

  test('reports each misbehaviour once, so that nothing makes up for a lost one', () => {
    const misbehaviours = reports.filter(({ artifact }) => artifact.text?.startsWith('vssadmin') === true);
    expect(misbehaviours).toHaveLength(18);
    expect(new Set(misbehaviours.map(keyOf)).size).toBe(18);
  });

  test('overrides artifacts that are reported', () => {
    const keys = new Set(reports.map(keyOf));
    expect(scenario.overrides.filter(({ key }) => !keys.has(key))).toEqual([]);
    expect(scenario.overrides.length).toBeGreaterThan(0);
  });
});
