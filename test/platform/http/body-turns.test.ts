import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { BodyTurns } from '../../../platform/http/body-turns.ts';

function recorder() {
  const turns = new BodyTurns(1_000_000);
  const taken: string[] = [];
  const take = (name: string, bytes: number) =>
    turns.take(bytes).then(
      () => taken.push(name),
      (error: unknown) => taken.push(String(error)),
    );
  return { take, taken };
}

describe('turns of bodies', () => {
  test('small ones share a turn, a large one takes a whole one, and all come in order', async () => {
    const { take, taken } = recorder();
    const all = [take('a', 100), take('b', 100_000), take('c', 100_000), take('d', 100), take('e', 100)];
    await Promise.resolve();
    expect(taken).toEqual(['a', 'b']);
    await turn();
    expect(taken).toEqual(['a', 'b', 'c']);
    await turn();
    expect(taken).toEqual(['a', 'b', 'c', 'd', 'e']);
    await Promise.all(all);
  });

  test('who comes when nobody waits goes at once', async () => {
    const { take, taken } = recorder();
    for (const name of ['a', 'b', 'c']) {
      await take(name, 70_000);
      await turn();
      await turn();
    }
    expect(taken).toEqual(['a', 'b', 'c']);
  });

  test('more than may wait in memory is refused', async () => {
    const { take, taken } = recorder();
    const all = [take('a', 70_000), take('b', 600_000), take('c', 600_000)];
    await Promise.all(all);
    expect(taken.map((name) => name.slice(0, 14))).toEqual(expect.arrayContaining(['a', 'b']));
    expect(taken.filter((name) => name.includes('More requests wait'))).toHaveLength(1);
  });
});
