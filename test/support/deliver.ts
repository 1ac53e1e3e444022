import { setTimeout as sleep } from 'node:timers/promises';
import type { ReportResult } from '../../contracts/http.ts';
import type { ReportInput } from '../../contracts/report.ts';
import { send, type TestDevice } from './api.ts';

export interface DeliverOptions {
  /** Before what has no answer yet is sent again. */
  readonly pauseMs: number;
  /** How long the device asks to be held for the verdicts; not at all where left out. */
  readonly waitSeconds?: number;
  /** When a call without an answer is given up; never where left out. */
  readonly timeoutMs?: number;
  readonly onAccepted: (id: string) => void;
  /** A call failed, or found a part of the service away. A throw ends the delivery. */
  readonly onFailed: (error: unknown) => void;
}

/**
 * Sends reports as a real device does, again and again until the service has said of each that it has it: those that
 * were in the log before their answer was lost come a second time.
 *
 * @throws Error where a report is rejected
 */
export async function deliver(
  url: string,
  device: TestDevice,
  reports: readonly ReportInput[],
  options: DeliverOptions,
): Promise<void> {
  for (let rest = reports; rest.length > 0;) {
    const results = await attempt(url, device, rest, options);
    const taken = new Set(results.flatMap(({ id, status }) => (isTaken(status) ? [id] : [])));
    for (const id of taken) if (id !== null) options.onAccepted(id);
    rest = rest.filter(({ id }) => !taken.has(id));
    if (rest.length > 0) await sleep(options.pauseMs);
  }
}

async function attempt(
  url: string,
  device: TestDevice,
  reports: readonly ReportInput[],
  { waitSeconds, timeoutMs, onFailed }: DeliverOptions,
): Promise<readonly ReportResult[]> {
  let results: readonly ReportResult[];
  try {
    results = await send(url, device, reports, waitSeconds, timeoutMs);
  } catch (error) {
    onFailed(error);
    return [];
  }
  const rejected = results.find(({ status }) => status === 'rejected');
  if (rejected !== undefined) throw new Error(`A report was rejected: ${JSON.stringify(rejected)}`);
  return results;
}

function isTaken(status: ReportResult['status']): boolean {
  return status === 'accepted' || status === 'known' || status === 'duplicate';
}
