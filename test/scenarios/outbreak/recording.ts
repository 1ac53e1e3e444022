import { uuidOf } from '../../../contracts/canonical.ts';
import type { ReportInput } from '../../../contracts/report.ts';
import type { ScenarioDevice } from './cast.ts';
import { describeExecutable, type Executable } from './executables.ts';
import { processOf } from './programs.ts';

/** One line of `reports.jsonl`. */
export interface ScenarioLine {
  readonly at: number;
  readonly tenant: string;
  readonly device: string;
  readonly wait: boolean;
  readonly report: ReportInput;
}

type Observation = Omit<ReportInput, 'id' | '@timestamp' | 'detectionSource' | 'localAction'>;
type Process = NonNullable<NonNullable<ReportInput['process']>['parent']>;

const beginning = Date.parse('2026-01-12T08:00:00.000Z');

/** Collects what devices report, in any order; ids and times follow from what is collected. */
export class ScenarioRecorder {
  readonly #lines: ScenarioLine[] = [];
  #processes = 0;

  /** A process on a device, unique there for ever. */
  process(device: ScenarioDevice, program: string): Process {
    this.#processes += 1;
    const pid = 1000 + this.#processes * 4;
    return processOf(program, {
      user: device.user,
      pid,
      entityId: `${device.name}:${pid}:${this.#processes}`,
    });
  }

  /** A file that the device holds until it has an answer. @returns the process that it would become */
  heldFile(at: number, device: ScenarioDevice, executable: Executable): Process {
    const described = describeExecutable(executable, device.user);
    this.#add(at, device, described, { detectionSource: 'antivirus', localAction: 'held', wait: true });
    const { entity_id, pid } = this.process(device, executable.name);
    return {
      ...(entity_id !== undefined && { entity_id }),
      ...(pid !== undefined && { pid }),
      ...(described.file?.path !== undefined && { executable: described.file.path }),
      ...(described.artifact.hash?.sha256 !== undefined && {
        hash: { sha256: described.artifact.hash.sha256 },
      }),
      ...(described.file?.code_signature && { code_signature: described.file.code_signature }),
    };
  }

  /** A program that a device had let run and now sees. */
  seenFile(at: number, device: ScenarioDevice, executable: Executable): void {
    const described = describeExecutable(executable, device.user);
    this.#add(at, device, described, { detectionSource: 'antivirus', localAction: 'allowed', wait: false });
  }

  script(
    at: number,
    device: ScenarioDevice,
    script: { readonly name: string; readonly text: string },
    wait: boolean,
  ): void {
    const observation: Observation = {
      artifact: { kind: 'script', text: script.text },
      file: { name: script.name },
      process: { ...this.process(device, 'powershell.exe'), parent: this.process(device, 'explorer.exe') },
    };
    const localAction = wait ? 'held' : 'allowed';
    this.#add(at, device, observation, { detectionSource: 'script-scan', localAction, wait });
  }

  /** A process start that the sensor saw: the program, what it was told, and who started it. */
  commandLine(
    at: number,
    device: ScenarioDevice,
    parent: Process,
    program: string,
    commandLine: string,
  ): void {
    const text = commandLine.replaceAll('%user%', device.user);
    const observation: Observation = {
      artifact: { kind: 'command-line', text },
      process: { ...this.process(device, program), command_line: text, parent },
    };
    this.#add(at, device, observation, { detectionSource: 'edr', localAction: 'allowed', wait: false });
  }

  #add(
    at: number,
    { tenant, name }: ScenarioDevice,
    observation: Observation,
    { wait, ...how }: Pick<ReportInput, 'detectionSource' | 'localAction'> & { readonly wait: boolean },
  ): void {
    const number = this.#lines.length;
    const id = uuidOf(`outbreak scenario report ${number}`);
    const report = { id, '@timestamp': new Date(beginning + at).toISOString(), ...how, ...observation };
    this.#lines.push({ at, tenant, device: name, wait, report });
  }

  /** @returns the lines in the order of time */
  lines(): readonly ScenarioLine[] {
    return [...this.#lines].sort((a, b) => a.at - b.at);
  }
}
