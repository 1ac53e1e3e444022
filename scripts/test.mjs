/**
 * `npm test`: everything that must hold, in order of cost. Every step runs, even after one failed, so that one run tells
 * all. Nothing is skipped silently: the last lines say what ran.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const scratch = mkdtempSync(join(tmpdir(), 'firebreak-test-'));
const resultFile = join(scratch, 'jest.json');
const jest = ['--experimental-vm-modules', '--no-warnings', 'node_modules/jest/bin/jest.js'];
const steps = [
  { name: 'types', command: 'node_modules/.bin/tsc', args: ['-p', 'tsconfig.json', '--noEmit'] },
  { name: 'lint', command: 'node_modules/.bin/eslint', args: ['.', '--max-warnings', '0'] },
  { name: 'layout', command: 'node_modules/.bin/prettier', args: ['--check', '--log-level', 'warn', '.'] },
  {
    name: 'tests',
    command: process.execPath,
    args: [...jest, '--ci', '--json', `--outputFile=${resultFile}`],
  },
];

function run({ command, args }) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, FORCE_COLOR: '0' },
    });
    child.on('error', () => resolve(127));
    child.on('exit', (code, signal) => resolve(signal === null ? code : 1));
  });
}

const outcomes = [];
for (const step of steps) {
  const startedMs = Date.now();
  process.stdout.write(`\n== ${step.name}\n`);
  outcomes.push({ ...step, code: await run(step), seconds: (Date.now() - startedMs) / 1000 });
}

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
