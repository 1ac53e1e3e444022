import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { FolderReloader } from '../../../platform/lifecycle/folder-reloader.ts';
import { eventually } from '../../support/eventually.ts';

/** A reloader whose folders answer one thing after the other, then that nothing changed. */
function reloader(answers: (boolean | Error)[]) {
  const told: string[] = [];
  const part = new FolderReloader({
    name: 'folders',
    everyMs: 1,
    source: {
      loaded: 'loaded',
      reload: () => {
        const answer = answers.shift() ?? false;
        return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
      },
    },
    tell: { loaded: (loaded) => told.push(loaded), notLoaded: (error) => told.push(String(error)) },
  });
  return { part, told };
}

test('tells what is in force at start and after each change', async () => {
  const answers = [false, true, false];
  const { part, told } = reloader(answers);
  await part.start();
  await eventually(() => (answers.length === 0 ? true : null));
  await part.stop();
  expect(told).toEqual(['loaded', 'loaded']);
});

test('tells a failure once as long as it lasts, and goes on looking', async () => {
  const gone = new Error('gone');
  const answers = [gone, gone, true, gone];
  const { part, told } = reloader(answers);
  await part.start();
  await eventually(() => (answers.length === 0 ? true : null));
  await part.stop();
  expect(told).toEqual(['loaded', 'Error: gone', 'loaded', 'Error: gone']);
});

test('looks no more once it is stopped', async () => {
  const answers = Array<boolean>(1_000).fill(false);
  const { part } = reloader(answers);
  await part.start();
  await part.stop();
  const left = answers.length;
  await sleep(20);
  expect(answers).toHaveLength(left);
});
