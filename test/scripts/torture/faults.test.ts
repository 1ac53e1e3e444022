import { expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { Faults } from '../../../scripts/torture/faults.ts';
import type { Fault } from '../../../scripts/torture/schedule.ts';
import { eventually } from '../../support/eventually.ts';

const fault = (number: number, target: string, kind: Fault['kind'] = 'kill'): Fault => ({
  ...{ number, target, kind, at: number / 10, forMs: 0 },
});

test('faults begin when the input is so far, two at a time, never two on one target; the input waits for them', async () => {
  let progress = 0;
  const begun: number[] = [];
  const end = new Map<number, () => void>();
  const failed: number[] = [];
  const faults = new Faults({
    faults: [fault(1, 'kafka'), fault(2, 'log', 'repeat'), fault(3, 'redis'), fault(4, 'postgres')],
    progress: () => progress,
    strike: ({ number }) => new Promise((resolve) => end.set(number, resolve)),
    onFault: ({ number }) => begun.push(number),
    onFailed: ({ number }) => failed.push(number),
  });
  const running = faults.run();
  const untilBegun = (numbers: number[]) =>
    eventually(() => (begun.length === numbers.length ? begun : null)).then((seen) =>
      expect(seen).toEqual(numbers),
    );
  expect(faults.inputLimit).toBe(0.2);
  progress = 0.35;
  await untilBegun([1]);
  // What is appended needs the broker, which is away.
  await sleep(150);
  expect(begun).toEqual([1]);
  expect(faults.inputLimit).toBe(0.3);
  end.get(1)?.();
  await untilBegun([1, 2, 3]);
  expect(faults.inputLimit).toBe(Infinity);
  progress = 1;
  await sleep(150);
  expect(begun).toEqual([1, 2, 3]);
  end.get(3)?.();
  await untilBegun([1, 2, 3, 4]);
  for (const over of end.values()) over();
  await running;
  expect(failed).toEqual([]);
});

test('a fault that cannot be done is told of, and the next one comes', async () => {
  const failed: string[] = [];
  const faults = new Faults({
    faults: [fault(1, 'redis', 'flush'), fault(2, 'redis')],
    progress: () => 1,
    strike: async ({ number }) => {
      if (number === 1) throw new Error('It does not answer.');
    },
    onFault: () => undefined,
    onFailed: ({ number }, error) => failed.push(`${number} ${String(error)}`),
  });
  await faults.run();
  expect(failed).toEqual(['1 Error: It does not answer.']);
});
