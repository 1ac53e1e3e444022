import { describe, expect, test } from '@jest/globals';
import type { Part } from '../../../platform/lifecycle/part.ts';
import { missingParts, startParts } from '../../../platform/lifecycle/start-parts.ts';

function recorder(log: string[], failing: { start?: string; stop?: string } = {}) {
  return (name: string): Part => ({
    name,
    start: async () => {
      if (failing.start === name) throw new Error(`${name} is broken`);
      log.push(`start ${name}`);
    },
    stop: async () => {
      log.push(`stop ${name}`);
      if (failing.stop === name) throw new Error(`${name} hangs on`);
    },
  });
}

describe('starting and stopping parts', () => {
  test('they start in order and stop in reverse', async () => {
    const log: string[] = [];
    const running = await startParts(['a', 'b', 'c'].map(recorder(log)));
    await running.stop();
    expect(log).toEqual(['start a', 'start b', 'start c', 'stop c', 'stop b', 'stop a']);
  });

  test('a failed start undoes what had started and keeps its own error', async () => {
    const log: string[] = [];
    const parts = ['a', 'b', 'c'].map(recorder(log, { start: 'c', stop: 'b' }));
    await expect(startParts(parts)).rejects.toThrow('c is broken');
    expect(log).toEqual(['start a', 'start b', 'stop b', 'stop a']);
  });

  test('a part that does not stop does not keep the others running, and is named', async () => {
    const log: string[] = [];
    const running = await startParts(['a', 'b'].map(recorder(log, { stop: 'b' })));
    await expect(running.stop()).rejects.toMatchObject({ errors: [{ message: 'The part b did not stop' }] });
    expect(log.slice(2)).toEqual(['stop b', 'stop a']);
  });

  test('stopping twice stops once', async () => {
    const log: string[] = [];
    const running = await startParts(['a'].map(recorder(log)));
    await Promise.all([running.stop(), running.stop()]);
    expect(log).toEqual(['start a', 'stop a']);
  });

  test('what cannot serve is named with its reason', () => {
    const part = recorder([]);
    expect(missingParts([part('log'), { ...part('view'), unready: () => 'it reads the log' }])).toEqual([
      { part: 'view', why: 'it reads the log' },
    ]);
  });
});
