import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { errorDefinitions } from '../../contracts/errors.ts';
import { agentVersion } from '../sdk/enrollment.ts';
import { ServiceError } from '../sdk/service-call.ts';
import { runEnroll, type EnrollOptions } from './commands/enroll.ts';
import { runReplay, type ReplayOptions } from './commands/replay.ts';
import { runScan, type ScanOptions } from './commands/scan.ts';
import { runStatus } from './commands/status.ts';
import { runWatch } from './commands/watch.ts';
import { confirmOnTerminal } from './confirm.ts';
import type { Confirm } from './sample-errands.ts';
import { AgentError, StateFolder, stateFolderPath } from './state-folder.ts';

export const exitCodes = { allowed: 0, failed: 1, blocked: 3 } as const;

export interface Program {
  /** @param argv as in `process.argv` @returns the exit code @throws what kept the command from its work */
  run(argv: readonly string[]): Promise<number>;
}

type StateOption = { readonly state?: string };

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('Give a number above 0.');
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 60)
    throw new InvalidArgumentError('Give 0 to 60 whole seconds.');
  return value;
}

const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** What the commands share. */
interface Surroundings {
  readonly folder: (options: StateOption) => StateFolder;
  readonly print: (line: string) => void;
  readonly confirm: Confirm;
  /** Adds a command with the options that all have. */
  readonly command: (name: string, summary: string) => Command;
  /** Something was stopped: the exit code tells. */
  readonly noteStopped: (stopped: boolean) => void;
}

/** The `firebreak-agent` command. `print` takes one line of output; `confirm` asks before a file is sent, where the policy says so. */
export function createProgram(
  environment: NodeJS.ProcessEnv,
  print: (line: string) => void,
  confirm: Confirm = confirmOnTerminal,
): Program {
  let exitCode: number = exitCodes.allowed;
  const program = new Command('firebreak-agent')
    .description('Reference agent of Firebreak: reports what it sees, obeys what the service decides.')
    .version(agentVersion)
    .exitOverride()
    .configureOutput({ writeOut: (text) => print(text.trimEnd()), writeErr: () => {} });
  const surroundings: Surroundings = {
    folder: ({ state }) => new StateFolder(stateFolderPath(state, environment)),
    print,
    confirm,
    command: (name, summary) =>
      program
        .command(name)
        .description(summary)
        .exitOverride()
        .option('--state <dir>', 'state folder (default: FIREBREAK_AGENT_STATE or ~/.firebreak-agent)'),
    noteStopped: (stopped) => {
      if (stopped) exitCode = exitCodes.blocked;
    },
  };
  addDeviceCommands(surroundings);
  addJudgingCommands(surroundings);

  return {
    async run(argv) {
      try {
        await program.parseAsync([...argv]);
      } catch (error) {
        if (!(error instanceof CommanderError)) throw error;
        if (error.exitCode !== 0)
          throw new AgentError(`${usageError(error)} \`--help\` shows how.`, { cause: error });
      }
      return exitCode;
    },
  };
}

function addDeviceCommands({ command, folder, print }: Surroundings): void {
  command('enroll', 'make this machine a device of an organization')
    .requiredOption('--url <url>', 'address of the service')
    .requiredOption('--key <key>', 'enrolment key (fbe_…)')
    .action((options: EnrollOptions & StateOption) => runEnroll(folder(options), options, print));

  command('watch', 'follow the stream and keep every entry on disk; ends with Ctrl-C').action(
    async (options: StateOption) => {
      const stopping = new AbortController();
      const stop = () => stopping.abort();
      process.once('SIGINT', stop).once('SIGTERM', stop);
      await runWatch(folder(options), stopping.signal, print).finally(() => {
        process.off('SIGINT', stop).off('SIGTERM', stop);
      });
    },
  );

  command('status', 'show who this device is, what it holds and when it last heard from the service').action(
    (options: StateOption) => runStatus(folder(options), print),
  );
}

function addJudgingCommands({ command, folder, print, confirm, noteStopped }: Surroundings): void {
  command(
    'scan',
    'report files, command lines or scripts, wait for the verdict and obey; files that the service asks for are sent as the policy allows; exit code 3 when one is blocked',
  )
    .argument('[files...]', 'files to judge before they run')
    .option('--wait <seconds>', 'hold so long (default: what the policy says)', seconds)
    .option('--command-line <text>', 'a command line to judge; may be repeated', collect)
    .option('--script <file>', 'a script to judge as text; may be repeated', collect)
    .action(async (files: string[], options: ScanOptions & StateOption) => {
      noteStopped(await runScan(folder(options), files, options, print, confirm));
    });

  command('replay', 'play recorded reports as a device would; exit code 3 when something is stopped')
    .argument('<recording>', 'JSON lines of { at, report, wait }')
    .option('--speed <factor>', '1 is the recorded pace', positive, 1)
    .option('--device <name>', 'only the lines of this recorded device')
    .action(async (path: string, options: ReplayOptions & StateOption) => {
      noteStopped(await runReplay(folder(options), path, options, print));
    });
}

/** Without a command, commander shows the help and calls that an error; its texts say `error: …`. */
function usageError({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'There is no command.';
  const text = message.replace(/^error: /u, '').replace(/\.$/u, '');
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** @returns one sentence for the person at the terminal; a bug keeps its stack */
export function describeFailure(error: unknown): string {
  if (error instanceof AgentError) return error.message;
  if (error instanceof ServiceError) return `${error.message} ${remedy(error)}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

function remedy({ kind, problem }: ServiceError): string {
  if (kind === 'unreachable') return 'Check the address and whether the service runs.';
  return problem ? `${errorDefinitions[problem.code].remedy} (${problem.code})` : 'Check the address.';
}
