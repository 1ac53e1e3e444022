import { inspect } from 'node:util';
import { errorDefinitions, isFirebreakError } from '../../contracts/errors.ts';
import { startParts, type PartSequence, type Running } from './start-parts.ts';

/** What a process is made of, once its configuration is read. */
export interface ProcessParts {
  readonly parts: PartSequence;
  /** How long stopping may take in all, in milliseconds. */
  readonly drainMs: number;
  /** Called when everything has started. */
  readonly onStarted?: () => void;
}

export interface ProcessOptions {
  /** What messages to the operator begin with. */
  readonly name: string;
  /** Reads the configuration and wires the parts; starts nothing. */
  readonly create: () => Promise<ProcessParts>;
}

/** Exit codes: 0 after a drain, 1 for what the operator can mend, 70 for a bug (`EX_SOFTWARE` of sysexits.h), 130 when stopped hard. */
const exitCodes = { done: 0, operational: 1, bug: 70, stoppedHard: 130 } as const;

/**
 * The life of a process: create, start, wait for SIGTERM or SIGINT, drain once, exit.
 *
 *   starting --error--> undone, one sentence on stderr, exit 1 (a bug: stack, exit 70)
 *   starting --signal-> the start is finished and undone at once
 *   running  --signal-> draining --all stopped--> exit 0
 *                                --time is up or a part fails--> exit 1
 *   any      --second signal--> exit 130
 *   any      --uncaught error-> stack, exit 70: state that a bug has touched is not drained
 */
export async function runProcess({ name, create }: ProcessOptions): Promise<void> {
  process.on('uncaughtException', (error) => fail(name, error));
  process.on('unhandledRejection', (error) => fail(name, error));
  const stopRequested = untilSignal();
  try {
    const { parts, drainMs, onStarted } = await create();
    const running = await startParts(parts);
    onStarted?.();
    await stopRequested;
    process.exit(await drain(name, running, drainMs));
  } catch (error) {
    fail(name, error);
  }
}

/** Resolves at the first signal; the second one exits. */
function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    let signals = 0;
    const onSignal = () => {
      signals += 1;
      if (signals > 1) process.exit(exitCodes.stoppedHard);
      resolve();
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}

async function drain(name: string, running: Running, drainMs: number): Promise<number> {
  const late = Symbol('late');
  const timeUp = new Promise<typeof late>((resolve) => setTimeout(() => resolve(late), drainMs).unref());
  try {
    if ((await Promise.race([running.stop(), timeUp])) !== late) return exitCodes.done;
    process.stderr.write(`${name}: not everything stopped within ${drainMs} ms; it is ended now.\n`);
  } catch (error) {
    process.stderr.write(`${name}: ${inspect(error)}\n`);
  }
  return exitCodes.operational;
}

function fail(name: string, error: unknown): never {
  process.stderr.write(`${name}: ${describeFailure(error)}\n`);
  process.exit(isFirebreakError(error) ? exitCodes.operational : exitCodes.bug);
}

/** @returns for an operational error what happened and what to do, without a stack; for a bug everything there is to know */
export function describeFailure(error: unknown): string {
  if (!isFirebreakError(error)) return inspect(error);
  return `${error.message} ${errorDefinitions[error.code].remedy} (${error.code})`;
}
