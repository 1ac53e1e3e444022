/** `npm run fuzz`: mutated executables, documents, archives and scripts through the parsers of samples. */
import { setImmediate } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Command } from 'commander';
import { seeds } from '../test/support/samples/seeds.ts';
import { mutate } from './fuzz/mutate.ts';
import { fuzz, type FuzzReport } from './fuzz/run.ts';
import { randomOf } from './random.ts';

interface Options {
  readonly seed: string;
  readonly first: string;
  readonly count: string;
  readonly minutes: string;
  readonly write?: boolean;
}

/** Between batches the event loop gets its turn: only then are the handles of unpacked streams let go. */
const batch = 1000;
const progressEvery = 250_000;
const stuckMs = 20_000;

/** A case that never ends cannot tell of itself: a thread beside it does, and ends the process. */
const watchdog = `
  const { workerData } = require('node:worker_threads');
  const current = new Float64Array(workerData.current);
  let [seen, since] = [-1, Date.now()];
  setInterval(() => {
    if (current[0] !== seen) [seen, since] = [current[0], Date.now()];
    else if (Date.now() - since > workerData.stuckMs) {
      require('node:fs').writeSync(2, 'stuck in case ' + seen + '\\n');
      process.kill(process.pid, 'SIGKILL');
    }
  }, 1000);
`;

function heapMb(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return Math.round((heapUsed + external) / 1024 / 1024);
}

function merge(a: FuzzReport, b: FuzzReport): FuzzReport {
  const formats = { ...a.formats };
  for (const [format, count] of Object.entries(b.formats)) formats[format] = (formats[format] ?? 0) + count;
  return {
    cases: a.cases + b.cases,
    crashes: [...a.crashes, ...b.crashes],
    hangs: [...a.hangs, ...b.hangs],
    slowestMs: Math.max(a.slowestMs, b.slowestMs),
    formats,
    withFindings: a.withFindings + b.withFindings,
  };
}

async function run({ seed, first, count, minutes }: Options): Promise<void> {
  const files = [...seeds.values()];
  const until = performance.now() + Number(minutes) * 60_000;
  const current = new Float64Array(new SharedArrayBuffer(8));
  const guard = new Worker(watchdog, { eval: true, workerData: { current: current.buffer, stuckMs } });
  const onCase = (index: number) => void (current[0] = index);
  let report = fuzz({ seeds: files, seed, first: Number(first), count: batch, onCase });
  await setImmediate();
  const heapAtStartMb = heapMb();
  while (report.cases < Number(count) && performance.now() < until) {
    const size = Math.min(batch, Number(count) - report.cases);
    report = merge(
      report,
      fuzz({ seeds: files, seed, first: Number(first) + report.cases, count: size, onCase }),
    );
    await setImmediate();
    if (report.cases % progressEvery === 0) process.stderr.write(`${report.cases} cases, ${heapMb()} MB\n`);
  }
  await guard.terminate();
  const result = { seed, first: Number(first), ...report, heapAtStartMb, heapAtEndMb: heapMb() };
  process.stdout.write(`${JSON.stringify(result)}\n`);
  if (report.crashes.length + report.hangs.length > 0) process.exitCode = 1;
}

await new Command('fuzz')
  .description(
    'Parses mutated executables, documents, archives and scripts, and counts what crashes, what takes over a second and how the memory grows. The same seed makes the same cases.',
  )
  .option('--seed <text>', 'what the cases are made from', 'firebreak')
  .option('--first <number>', 'first case', '0')
  .option('--count <number>', 'how many cases', '100000')
  .option('--minutes <number>', 'stop after this time', '60')
  .option('--write', 'write the first case to standard output instead of parsing it')
  .action(async (options: Options) => {
    if (options.write === true) {
      process.stdout.write(mutate([...seeds.values()], randomOf(options.seed, options.first)));
    } else await run(options);
  })
  .parseAsync();
