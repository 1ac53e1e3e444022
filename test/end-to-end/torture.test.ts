import { expect, test } from '@jest/globals';
import { torture } from '../../scripts/torture/run.ts';

// The command itself runs for minutes; this is enough to keep it from falling into disrepair.
test('a few faults under load leave nothing lost, doubled or decided otherwise', async () => {
  const said: string[] = [];
  const result = await torture({
    ...{ profile: 'embedded', seed: 'npm test', minutes: 0.15, rate: 50, everySeconds: 2.5 },
    say: (line) => said.push(line),
  });
  const failed = result.checks.filter(({ passed }) => !passed);
  expect({ failed, folder: result.folder }).toEqual({ failed: [], folder: null });
  expect(new Set(result.faults.map(({ kind, target }) => `${kind} ${target}`)).size).toBe(4);
  expect(said.filter((line) => line.startsWith('fault'))).toHaveLength(result.faults.length);
}, 600_000);
