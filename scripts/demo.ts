/** `npm run demo -- --help` */
import { Command } from 'commander';
import { runDemo } from './demo/run-demo.ts';
import { Screen } from './demo/screen.ts';
import { numberFrom, runProgram } from './command-line.ts';

interface Options {
  readonly speed: number;
  readonly exit?: boolean;
}

const program = new Command('demo')
  .description(
    `Starts the embedded profile on a data folder of its own, enrols the devices of three organizations, plays an outbreak,
and shows how the block spreads, who was stopped before running it, how long each step took and why. Every figure is
measured in this run. Then the service stays until Ctrl-C.`,
  )
  .option('--speed <n>', 'play so many times faster', numberFrom(0.01), 1)
  .option('--exit', 'end after the story; exit code 1 when something came otherwise than expected')
  .action(async ({ speed, exit = false }: Options) => {
    process.exitCode = await runDemo(new Screen(process.stdout), { speed, stay: !exit });
  });
await runProgram(program);
