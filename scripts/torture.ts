/** `npm run torture -- --help` */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import { numberFrom, runProgram } from './command-line.ts';
import type { Check } from './torture/checks.ts';
import { torture } from './torture/run.ts';
import type { Profile } from './torture/schedule.ts';

interface Options {
  readonly profile: Profile;
  readonly minutes: number;
  readonly seed: string;
  readonly rate: number;
  readonly every: number;
  readonly out?: string;
}

const toldProblems = 20;
const startedMs = Date.now();

function say(line: string): void {
  process.stderr.write(`${((Date.now() - startedMs) / 1000).toFixed(1).padStart(7)} s  ${line}\n`);
}

function print({ name, passed, text, problems }: Check): void {
  process.stdout.write(`${passed ? 'ok    ' : 'FAILED'} ${name} (${text})\n`);
  for (const problem of problems.slice(0, toldProblems)) process.stdout.write(`         ${problem}\n`);
  if (problems.length > toldProblems)
    process.stdout.write(`         and ${problems.length - toldProblems} more; --out has all\n`);
}

const program = new Command('torture')
  .description(
    `Starts the service on a fresh data folder and hurts it under load: kill -9 and SIGSTOP of every service, of the broker,
Redis and PostgreSQL, FLUSHALL, records and reports that come twice and in another order. Then it lets the service come
to rest and checks that nothing was lost, doubled or decided otherwise than without faults.`,
  )
  .addOption(
    new Option('--profile <name>', 'what is hurt').choices(['embedded', 'cluster']).default('embedded'),
  )
  .option('--minutes <n>', 'how long the input lasts at its rate; outages come on top', numberFrom(0.1), 5)
  .option('--seed <text>', 'the same one gives the same input and the same faults; a new one otherwise')
  .option('--rate <n>', 'reports a second', numberFrom(1), 80)
  .option('--every <seconds>', 'between two faults; 0: no faults', numberFrom(0), 8)
  .option('--out <file>', 'write settings, faults and checks there as JSON')
  .addHelpText(
    'after',
    `
Exit code: 0 when every check passed, 1 otherwise; then data and logs are kept, and the last line says where. Ctrl-C ends
it with all that it started; the folder that the first line names stays.
The cluster profile needs Java 17, Maven once, and redis-server; docs/operate/torture.md tells how to read the result.`,
  )
  .action(async (given: Options) => {
    const options = { ...given, seed: given.seed ?? randomBytes(4).toString('hex') };
    const { profile, minutes, seed, rate, every: everySeconds, out } = options;
    const result = await torture({ profile, minutes, seed, rate, everySeconds, say });
    for (const check of result.checks) print(check);
    const { passed, reports, faults, failedCalls, seconds, folder } = result;
    process.stdout.write(
      `${passed ? 'PASSED' : 'FAILED'} ${profile}, seed ${seed}: ${reports} reports, ${faults.length} faults, ${failedCalls} failed calls, ${seconds} s\n`,
    );
    if (folder !== null) process.stdout.write(`Data and logs are kept in ${folder}.\n`);
    if (out !== undefined)
      writeFileSync(
        out,
        `${JSON.stringify({ settings: { profile, seed, minutes, rate, everySeconds }, ...result }, null, 2)}\n`,
      );
    process.exitCode = passed ? 0 : 1;
  });
await runProgram(program);
