import { canonicalCommandLine } from '../../../contracts/canonical.ts';
import type { Report } from '../../../contracts/report.ts';
import { asIfNow, playRecording, readRecording, RecordingError } from '../../sdk/recording.ts';
import { describeOutcome } from '../describe-outcome.ts';
import { Device } from '../device.ts';
import { AgentError, errorCode, type StateFolder } from '../state-folder.ts';

export interface ReplayOptions {
  /** 1 is the recorded pace. */
  readonly speed: number;
  /** Play the lines of this recorded device only. */
  readonly device?: string;
}

/**
 * Plays recorded reports as this device would have sent them: at their times, holding what was held.
 * @returns whether something was stopped
 */
export async function runReplay(
  state: StateFolder,
  path: string,
  options: ReplayOptions,
  print: (line: string) => void,
): Promise<boolean> {
  const recording = await read(path);
  const lines =
    options.device === undefined ? recording : recording.filter(({ device }) => device === options.device);
  const device = await Device.open(state);
  let stopped = 0;
  try {
    await device.refreshPolicy();
    await playRecording(lines, { speed: options.speed }, async ({ report, wait }) => {
      const startedMs = performance.now();
      const { outcome } = await device.meet(asIfNow(report), wait ? device.policy.holdMs : 0);
      if (outcome.stopped) stopped += 1;
      if (wait || outcome.stopped)
        print(describeOutcome(nameOf(report), outcome, performance.now() - startedMs));
    });
  } finally {
    await device.close();
  }
  print(`${lines.length} reports played, ${stopped} stopped`);
  return stopped > 0;
}

async function read(path: string) {
  try {
    return await readRecording(path);
  } catch (cause) {
    if (cause instanceof RecordingError)
      throw new AgentError(`${cause.message} Mend the line and play again.`, { cause });
    throw new AgentError(`${path} cannot be read (${errorCode(cause)}): name a recording in JSON lines.`, {
      cause,
    });
  }
}

/** @returns what a person calls the artifact of a report */
export function nameOf({ artifact, file }: Report): string {
  if (artifact.kind === 'command-line' && artifact.text !== undefined)
    return canonicalCommandLine(artifact.text);
  return file?.name ?? artifact.value ?? artifact.hash?.sha256 ?? artifact.kind;
}
