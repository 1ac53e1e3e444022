import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('the demo plays to its end, and all comes as the scenario expects', async () => {
  const child = spawn(process.execPath, ['--import', 'tsx', 'scripts/demo.ts', '--exit', '--speed', '2'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  try {
    await once(child, 'exit', { signal: AbortSignal.timeout(220_000) });
  } finally {
    child.kill('SIGTERM');
  }
  expect(output).toContain('All came as the scenario expects.');
  expect(output).toContain('12 of 12 devices let go');
  expect(child.exitCode).toBe(0);
}, 240_000);
