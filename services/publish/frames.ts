import type { StreamEventName } from '../../contracts/stream.ts';
import type { HeldChange } from '../../engine/stream/entry-table.ts';
import type { Origin } from './origins.ts';

/** Server-sent events (WHATWG HTML, section 9.2). Data is JSON on one line, so no field can break out of its frame. */

/** Comment in front, so that proxies which wait for 2 KiB pass the first event on. */
export const preamble = `:${' '.repeat(2048)}\n\n`;

/** @param id only for the last frame of a flush: the cursor that a reconnecting subscriber sends back */
export function frame(event: StreamEventName, json: string, id?: string): string {
  return `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${json}\n\n`;
}

/** Tells the client how long to wait before it connects again. */
export function retryFrame(retryMs: number): string {
  return `retry: ${retryMs}\n\n`;
}

/** What is sent of a change: to the device that reported it with its report and the process to stop. */
export function sentJson(change: HeldChange, origin: Origin | undefined): string {
  if (origin === undefined || change.event !== 'entry') return change.json;
  const { reportId, processEntityId } = origin;
  const target = processEntityId === undefined ? {} : { target: { process: { entity_id: processEntityId } } };
  return `${change.json.slice(0, -1)},${JSON.stringify({ reportId, ...target }).slice(1)}`;
}

export function changeFrame(change: HeldChange, origin?: Origin): string {
  return frame(change.event, sentJson(change, origin));
}
