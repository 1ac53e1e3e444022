import { describe, expect, test } from '@jest/globals';
import { FirebreakError } from '../../../contracts/errors.ts';
import { Commits } from '../../../platform/log/commits.ts';
import type { Position } from '../../../platform/log/log.ts';
import { eventually, Gate } from './suite/fixture.ts';

const patienceMs = 20_000;
const at = (partition: number, offset: number): Position => ({ topic: 'reports', partition, offset });
const away = () => new FirebreakError('FB_LOG_UNAVAILABLE', 'away');

/** A log that takes what it is sent, or does what the test says. */
function withLog(answer: (tries: number) => Promise<void> | void = () => undefined) {
  const sent: (readonly Position[])[] = [];
  const failed: unknown[] = [];
  const broken: unknown[] = [];
  const commits = new Commits({
    send: async (positions) => {
      sent.push(positions);
      await answer(sent.length);
    },
    onFailed: (error) => failed.push(error),
    onBroken: (error) => broken.push(error),
  });
  return { commits, sent, failed, broken };
}

describe('commits', () => {
  test('what is not taken is sent again until it is, without anything new', async () => {
    let taken = false;
    const { commits, sent, failed } = withLog((tries) => {
      if (tries < 4) throw away();
      taken = true;
    });
    commits.note(at(0, 7));
    await eventually(() => expect(taken).toBe(true), patienceMs);
    expect(sent).toEqual(Array(4).fill([at(0, 7)]));
    // The first failure is no news: a connection had broken, or the group changes.
    expect(failed).toMatchObject([{ code: 'FB_LOG_UNAVAILABLE' }, { code: 'FB_LOG_UNAVAILABLE' }]);
    commits.note(at(0, 8));
    await eventually(() => expect(sent.at(-1)).toEqual([at(0, 8)]), patienceMs);
  });

  test('of a partition only the newest is sent; what one turn settles goes together', async () => {
    const gate = new Gate();
    const { commits, sent } = withLog((tries) => (tries === 1 ? gate.passed : undefined));
    for (const offset of [1, 2, 3]) commits.note(at(0, offset));
    commits.note(at(1, 9));
    await eventually(() => expect(sent).toEqual([[at(0, 3), at(1, 9)]]), patienceMs);
    for (const offset of [4, 5, 6]) commits.note(at(0, offset));
    gate.open();
    await eventually(() => expect(sent.slice(1)).toEqual([[at(0, 6)]]), patienceMs);
  });

  test('a partition that is lost takes no other one’s commit with it', async () => {
    const { commits, sent } = withLog((tries) => {
      if (tries === 1) throw away();
    });
    commits.note(at(0, 7));
    commits.note(at(1, 7));
    await eventually(() => expect(sent).toHaveLength(1), patienceMs);
    commits.drop([at(1, 0)]);
    await eventually(() => expect(sent).toEqual([[at(0, 7), at(1, 7)], [at(0, 7)]]), patienceMs);
  });

  test('who finishes waits for the last word, which is tried twice and never after that', async () => {
    const gate = new Gate();
    const { commits, sent, failed } = withLog(async (tries) => {
      if (tries === 1) await gate.passed;
      throw away();
    });
    commits.note(at(0, 1));
    await eventually(() => expect(sent).toHaveLength(1), patienceMs);
    commits.note(at(0, 2));
    const finishing = commits.finish([at(0, 0)]);
    gate.open();
    await finishing;
    expect(sent).toEqual([[at(0, 1)], [at(0, 2)], [at(0, 2)]]);
    expect(failed).toHaveLength(1);
    commits.note(at(1, 5));
    await eventually(() => expect(sent.length).toBeGreaterThan(5), patienceMs);
    expect(sent.slice(3).flat()).not.toContainEqual(at(0, 2));
    commits.drop([at(1, 0)]);
  });

  test('what does not pass by itself is told, once, and not tried again', async () => {
    const { commits, sent, broken } = withLog(() => {
      throw new TypeError('a bug');
    });
    commits.note(at(0, 1));
    await eventually(() => expect(broken).toMatchObject([{ message: 'a bug' }]), patienceMs);
    await commits.finish([at(0, 0)]);
    expect(sent).toHaveLength(1);
  });
});
