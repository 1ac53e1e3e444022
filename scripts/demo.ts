/**
 * `npm run demo`: starts the embedded profile on a data folder of its own, enrols the devices of three organizations,
 * plays an outbreak, and shows how the block spreads, who was stopped before running it, how long each step took and
 * why. Every figure is measured in this run. Then the service stays until Ctrl-C.
 *
 *   --speed N   play N times faster (default 1)
 *   --exit      end after the story; exit code 1 when something came otherwise than expected
 */
import { parseArgs } from 'node:util';
import { runDemo } from './demo/run-demo.ts';
import { Screen } from './demo/screen.ts';

const { values } = parseArgs({
  options: { speed: { type: 'string', default: '1' }, exit: { type: 'boolean', default: false } },
});
const speed = Number(values.speed);
if (!Number.isFinite(speed) || speed <= 0) {
  process.stderr.write('demo: --speed takes a number above 0.\n');
  process.exitCode = 2;
} else {
  try {
    process.exitCode = await runDemo(new Screen(process.stdout), { speed, stay: !values.exit });
  } catch (error) {
    process.stderr.write(`demo: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
