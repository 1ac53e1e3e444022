import { InvalidArgumentError, type Command } from 'commander';
import { isFirebreakError } from '../contracts/errors.ts';
import { describeFailure } from '../platform/lifecycle/run-process.ts';

/** For an option that takes a number. */
export function numberFrom(least: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (text.trim() === '' || !Number.isFinite(number) || number < least)
      throw new InvalidArgumentError(`A number from ${least}.`);
    return number;
  };
}

/** For an option that takes a count. */
export function wholeNumberFrom(least: number): (text: string) => number {
  return (text) => {
    const number = numberFrom(least)(text);
    if (!Number.isInteger(number)) throw new InvalidArgumentError('A whole number.');
    return number;
  };
}

/** Runs what the command line asks for; what goes wrong is told in a line and ends in exit code 1. */
export async function runProgram(program: Command): Promise<void> {
  try {
    await program.parseAsync();
  } catch (error) {
    const known =
      isFirebreakError(error) || !(error instanceof Error) ? describeFailure(error) : error.message;
    process.stderr.write(`${program.name()}: ${known}\n`);
    process.exitCode = 1;
  }
}
