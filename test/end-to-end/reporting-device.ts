import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import type { ReportInput } from '../../contracts/report.ts';
import { reportOf, type TestDevice } from '../support/api.ts';
import { deliver } from '../support/deliver.ts';

const batchReports = 12;
/** Every so many batches one of the reports is hostile, and no other is like it. */
const hostileEvery = 6;
const pauseMs = 15;

/**
 * A device that reports without pause and, as a real one, sends again whatever it has no answer for: reports that were
 * in the log before their answer was lost come a second time.
 */
export class ReportingDevice {
  readonly device: TestDevice;
  /** Ids of the reports of which the service said that it has them. */
  readonly accepted = new Set<string>();
  /** Calls that failed, or found a part of the service away. */
  failures = 0;
  readonly #url: string;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;

  constructor(url: string, device: TestDevice) {
    this.#url = url;
    this.device = device;
    this.#running = this.#run();
  }

  /** Resolves when everything that was begun is accepted. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    for (let batch = 0; !this.#stopping.signal.aborted; batch += 1) {
      await deliver(this.#url, this.device, reportsOf(this.device, batch), {
        pauseMs,
        onAccepted: (id) => this.accepted.add(id),
        onFailed: () => (this.failures += 1),
      });
      await sleep(pauseMs);
    }
  }
}

function reportsOf({ id }: TestDevice, batch: number): readonly ReportInput[] {
  return Array.from({ length: batchReports }, (_, index) => {
    const text =
      batch % hostileEvery === 0 && index === 0
        ? `rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump ${600 + batch} C:\\Users\\Public\\${id}-${batch}.dmp full`
        : `notepad.exe C:\\Users\\ann\\Documents\\${index % 3 === 0 ? 'notes' : uuidv7()}.txt`;
    return reportOf({ artifact: { kind: 'command-line', text } });
  });
}
