/**
 * `npm test`: everything that must hold. What reads the sources alone runs first and side by side, then the tests, even
 * after something failed, so that one run tells all. Nothing is skipped silently: the last lines say what ran.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-test-'));
const resultFile = join(scratch, 'jest.json');
const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
const checks = [
  { name: 'types', command: 'node_modules/.bin/tsc', args: ['-p', 'tsconfig.json', '--noEmit'] },
  { name: 'lint', command: 'node_modules/.bin/eslint', args: ['.', '--max-warnings', '0'] },
  {
    name: 'layout',
    command: 'node_modules/.bin/prettier',
    args: ['--check', '--log-level', 'warn', '.'],
  },
];
// A worker a core: most suites wait for servers of their own rather than for the processor.
const tests = {
  name: 'tests',
  command: process.execPath,
  args: [...jest, '--ci', '--maxWorkers=100%', '--json', `--outputFile=${resultFile}`],
};

/** @returns the step with how it ended, after what it said was printed under its name */
function run(step, stdio) {
  return new Promise((resolve) => {
    const startedMs = Date.now();
    const said = [];
    const child = spawn(step.command, step.args, { stdio, env: { ...process.env, FORCE_COLOR: '0' } });
    child.stdout?.on('data', (bytes) => said.push(bytes));
    child.stderr?.on('data', (bytes) => said.push(bytes));
    const end = (code) => {
      const seconds = (Date.now() - startedMs) / 1000;
      process.stdout.write(`${said.length > 0 ? `\n== ${step.name}\n` : ''}${Buffer.concat(said)}`);
      resolve({ ...step, code, seconds });
    };
    child.on('error', () => end(127));
    child.on('close', (code, signal) => end(signal === null ? code : 1));
  });
}

process.stdout.write(`\n== ${checks.map(({ name }) => name).join(', ')}\n`);
const outcomes = await Promise.all(checks.map((step) => run(step, ['ignore', 'pipe', 'pipe'])));
process.stdout.write(`\n== ${tests.name}\n`);
outcomes.push(await run(tests, ['ignore', 'inherit', 'inherit']));

process.stdout.write('\n== summary\n');
for (const { name, code, seconds } of outcomes) {
  process.stdout.write(`${code === 0 ? 'ok    ' : 'FAILED'} ${name} (${seconds.toFixed(1)} s)\n`);
}
let [passed, failed, skipped] = [0, 1, 0];
try {
  const result = JSON.parse(readFileSync(resultFile, 'utf8'));
  [passed, failed, skipped] = [
    result.numPassedTests,
    result.numFailedTests + result.numRuntimeErrorTestSuites,
    result.numPendingTests + result.numTodoTests,
  ];
} catch {
  process.stdout.write('The tests left no result: they did not run to their end.\n');
}
rmSync(scratch, { recursive: true, force: true });
process.stdout.write(`${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`);
process.exitCode =
  outcomes.every(({ code }) => code === 0) && passed > 0 && failed === 0 && skipped === 0 ? 0 : 1;
