import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { FirebreakError } from '../../../contracts/errors.ts';
import { describeFailure } from '../../../platform/lifecycle/run-process.ts';

const moduleUrl = new URL('../../../platform/lifecycle/run-process.ts', import.meta.url).href;
const errorsUrl = new URL('../../../contracts/errors.ts', import.meta.url).href;
const root = fileURLToPath(new URL('../../..', import.meta.url));

/** Runs a real process whose parts are given as source text. */
function start(parts: string, drainMs = 5000) {
  const source = `
    import { runProcess } from '${moduleUrl}';
    import { FirebreakError } from '${errorsUrl}';
    const keepAlive = setInterval(() => {}, 1000);
    const say = (text) => process.stdout.write(text + '\\n');
    await runProcess({ name: 'firebreak', create: async () => ({ drainMs: ${drainMs}, parts: [${parts}], onStarted: () => say('started') }) });`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', source], {
    cwd: root,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, stdout, stderr }));
  const said = async (text: string) => {
    while (!stdout.includes(text)) await Promise.race([once(child.stdout, 'data'), ended]);
  };
  return { child, ended, said };
}

describe('the life of a process', () => {
  test('SIGTERM drains and exits with 0', async () => {
    const { child, ended, said } = start(
      `{ name: 'a', start: async () => {}, stop: async () => say('stopped') }`,
    );
    await said('started');
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ code: 0, stdout: 'started\nstopped\n', stderr: '' });
  });

  test('a second signal exits hard', async () => {
    const { child, ended, said } = start(
      `{ name: 'a', start: async () => {}, stop: () => { say('stopping'); return new Promise(() => {}); } }`,
    );
    await said('started');
    child.kill('SIGINT');
    await said('stopping');
    child.kill('SIGINT');
    expect((await ended).code).toBe(130);
  });

  test('a drain that takes too long is ended with a word about it', async () => {
    const { child, ended, said } = start(
      `{ name: 'a', start: async () => {}, stop: () => new Promise(() => {}) }`,
      50,
    );
    await said('started');
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: 'firebreak: not everything stopped within 50 ms; it is ended now.\n',
    });
  });

  test('what the operator can mend is one sentence with the remedy, no stack, exit 1', async () => {
    const { ended } = start(
      `{ name: 'a', start: async () => { throw new FirebreakError('FB_PORT_IN_USE', 'Port 8080 is in use.'); }, stop: async () => {} }`,
    );
    expect(await ended).toEqual({
      code: 1,
      stdout: '',
      stderr:
        'firebreak: Port 8080 is in use. Choose another with FIREBREAK_HTTP_PORT, or stop what listens there. (FB_PORT_IN_USE)\n',
    });
  });

  test('a bug shows its stack and exits with 70', async () => {
    const { ended } = start(
      `{ name: 'a', start: async () => { throw new TypeError('not foreseen'); }, stop: async () => {} }`,
    );
    const { code, stderr } = await ended;
    expect(code).toBe(70);
    expect(stderr).toMatch(/^firebreak: TypeError: not foreseen\n\s+at /);
  });

  test('a bug in what nobody waits for ends the process, which is not drained', async () => {
    const { ended } = start(
      `{ name: 'a', start: async () => void setTimeout(() => void Promise.reject(new TypeError('later')), 1), stop: async () => say('stopped') }`,
    );
    const { code, stdout, stderr } = await ended;
    expect({ code, stdout }).toEqual({ code: 70, stdout: 'started\n' });
    expect(stderr).toMatch(/^firebreak: TypeError: later\n\s+at /);
  });
});

test('an operational error is told with its code, a bug with its stack', () => {
  expect(describeFailure(new FirebreakError('FB_DATA_IN_USE', 'The folder x is in use.'))).toBe(
    'The folder x is in use. Stop that process first. (FB_DATA_IN_USE)',
  );
  expect(describeFailure(new Error('odd'))).toContain('at ');
});
