import { afterEach, expect, test } from '@jest/globals';
import { WorkerPool } from '../../../classifiers/content/worker-pool.ts';

/** A worker that does as it is told: hangs, fills its memory, throws, exits, or answers. */
const source = `
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', (what) => {
    if (what === 'hang') for (;;);
    if (what === 'fill') { const all = []; for (;;) all.push(new Array(1000).fill(Math.random())); }
    if (what === 'throw') throw new Error('on purpose');
    if (what === 'exit') process.exit(3);
    parentPort.postMessage('did ' + what);
  });
`;
const url = new URL(`data:text/javascript,${encodeURIComponent(source)}`);

let pool: WorkerPool<string, string>;
function start(
  options: { workers?: number; timeoutMs?: number; mostWaiting?: number; preparation?: string } = {},
) {
  pool = new WorkerPool({
    url,
    preparation: 'prepare',
    workers: 1,
    timeoutMs: 20_000,
    memoryMb: 16,
    mostWaiting: 8,
    ...options,
  });
  return pool;
}
afterEach(() => pool.close());

test('what hangs, fills its memory, throws or exits fails with a reason, and the others go on', async () => {
  start({ timeoutMs: 20_000, mostWaiting: 16 });
  const tasks = ['a', 'throw', 'b', 'exit', 'c', 'fill', 'd'];
  const results = await Promise.all(
    [...tasks, 'hang', 'e'].map((what) => pool.run(what, [], what === 'hang' ? 500 : undefined)),
  );
  const failed = (reason: string) => ({
    outcome: 'failed',
    reason: expect.stringContaining(reason) as unknown,
  });
  const did = (what: string) => ({ outcome: 'answer', answer: `did ${what}` });
  expect(results).toEqual([
    did('a'),
    failed('on purpose'),
    did('b'),
    failed('exit code 3'),
    did('c'),
    failed('more than 16 MB'),
    did('d'),
    failed('longer than 500 ms'),
    did('e'),
  ]);
});

test('a task that hangs does not hold the other workers up', async () => {
  start({ workers: 2, timeoutMs: 60_000 });
  const hanging = pool.run('hang');
  const others = await Promise.all(['a', 'b', 'c'].map((what) => pool.run(what)));
  expect(others.map(({ outcome }) => outcome)).toEqual(['answer', 'answer', 'answer']);
  await pool.close();
  expect(await hanging).toMatchObject({ outcome: 'failed' });
});

test('more than may wait is refused at once, and closing fails what waits', async () => {
  start({ mostWaiting: 1, timeoutMs: 60_000 });
  const first = pool.run('hang');
  const refused = await pool.run('a');
  await pool.close();
  expect(refused).toMatchObject({ reason: expect.stringContaining('Too many') as unknown });
  expect(await first).toMatchObject({ outcome: 'failed' });
  expect(await pool.run('b')).toMatchObject({ outcome: 'failed' });
});

test('a worker that dies of its preparation fails what waits for it, and no more are started than that', async () => {
  start({ preparation: 'exit' });
  expect(await pool.run('a')).toMatchObject({ outcome: 'failed' });
  expect(await pool.run('b')).toMatchObject({ outcome: 'failed' });
});

test('a new preparation comes before the next task', async () => {
  start();
  expect(await pool.run('a')).toMatchObject({ answer: 'did a' });
  pool.prepare('another');
  expect(await pool.run('b')).toMatchObject({ answer: 'did b' });
});
