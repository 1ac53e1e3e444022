import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { ReportInput } from '../../../contracts/report.ts';
import { observeCommandLine, observeFile, observeScript } from '../../sdk/observe.ts';
import { Device } from '../device.ts';
import { describeOutcome } from '../describe-outcome.ts';
import { SampleErrands, type Confirm } from '../sample-errands.ts';
import { AgentError, errorCode, type StateFolder } from '../state-folder.ts';

export interface ScanOptions {
  /** Seconds; the policy's hold time where absent. */
  readonly wait?: number;
  readonly commandLine?: readonly string[];
  readonly script?: readonly string[];
}

interface Subject {
  readonly name: string;
  /** Of a file, whose content may be asked for. */
  readonly path?: string;
  readonly observe: () => Promise<ReportInput>;
}

/**
 * Reports each subject as held, waits for the verdict and obeys it. Files that the service asks for are sent meanwhile, as
 * the policy's consent says.
 *
 * @returns whether something was stopped
 * @throws AgentError for a file that cannot be read, or when there is nothing to scan
 */
export async function runScan(
  state: StateFolder,
  files: readonly string[],
  options: ScanOptions,
  print: (line: string) => void,
  confirm: Confirm,
): Promise<boolean> {
  const subjects = listSubjects(files, options);
  if (subjects.length === 0) {
    throw new AgentError(
      'There is nothing to scan: name a FILE, or give --command-line TEXT or --script FILE.',
    );
  }
  const device = await Device.open(state);
  const errands = new SampleErrands(device.samples(), print, confirm);
  let stopped = false;
  try {
    await device.refreshPolicy();
    const waitMs = options.wait === undefined ? device.policy.holdMs : options.wait * 1000;
    for (const { name, path, observe } of subjects) {
      const report = await observed(name, observe);
      const startedMs = performance.now();
      const { outcome, sampleWanted } = await device.meet(report, waitMs);
      print(describeOutcome(name, outcome, performance.now() - startedMs));
      stopped ||= outcome.stopped;
      const sha256 = report.artifact.hash?.sha256;
      if (sampleWanted && path !== undefined && sha256 !== undefined)
        errands.add(device.policy.sampleConsent, { path, sha256 });
    }
    await errands.finish();
  } finally {
    await device.close();
  }
  return stopped;
}

function listSubjects(
  files: readonly string[],
  { commandLine = [], script = [] }: ScanOptions,
): readonly Subject[] {
  return [
    ...files.map((path) => ({ name: path, path, observe: () => observeFile(path) })),
    ...commandLine.map((text) => ({ name: text, observe: async () => observeCommandLine(text) })),
    ...script.map((path) => ({
      name: path,
      observe: async () => observeScript(await readFile(path, 'utf8'), basename(path)),
    })),
  ];
}

async function observed(name: string, observe: Subject['observe']): Promise<ReportInput> {
  try {
    return await observe();
  } catch (cause) {
    const code = errorCode(cause);
    const why =
      code === 'ENOENT' ? 'does not exist: check the path' : `cannot be read (${code}): name a readable file`;
    throw new AgentError(`${name} ${why}.`, { cause });
  }
}
