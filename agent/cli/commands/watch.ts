import type { StateChange } from '../../../engine/stream/change.ts';
import { StreamClient, type StreamClientEvent } from '../../sdk/stream-client.ts';
import { printable } from '../describe-outcome.ts';
import { Device } from '../device.ts';
import type { StateFolder } from '../state-folder.ts';
import { lockWatch } from '../watch-lock.ts';

/** How often the time of the last contact is written down while the stream is quiet. */
const noteContactMs = 30_000;

/**
 * Follows the stream and keeps every entry on disk until `signal` fires or the device is off-boarded. Prints one line
 * per change. After a crash it goes on where the disk ends.
 * @throws AgentError when the device is not enrolled or another watch runs
 */
export async function runWatch(
  state: StateFolder,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<void> {
  await state.identity();
  const unlock = await lockWatch(state);
  try {
    await follow(await Device.open(state, 'keep'), signal, print);
  } finally {
    await unlock();
  }
}

async function follow(device: Device, signal: AbortSignal, print: (line: string) => void): Promise<void> {
  const { identity, entries, clock } = device;
  const errands = new Set<Promise<void>>();
  const errand = (work: Promise<void>) => {
    const done = work
      .catch((error: unknown) => print(`trouble  ${wordsOf(error)}`))
      .finally(() => errands.delete(done));
    errands.add(done);
  };
  let connected = false;
  const onEvent = (event: StreamClientEvent) => {
    if (event.kind === 'connected') connected = true;
    if (event.kind === 'trouble') connected = false;
    else errand(device.noteContact());
    if (event.kind === 'policy') errand(device.refreshPolicy());
    for (const line of describeEvent(event)) print(printable(line));
  };
  const notes = setInterval(() => connected && errand(device.noteContact()), noteContactMs);
  print(`watching ${identity.baseUrl} as device ${identity.deviceId}, ${entries.size} entries at hand`);
  await device.refreshPolicy();
  try {
    const { baseUrl, credential } = identity;
    await new StreamClient({ baseUrl, credential, store: entries, clock, onEvent }).run(signal);
  } finally {
    clearInterval(notes);
    await Promise.all(errands);
    await device.close();
  }
}

function describeEvent(event: StreamClientEvent): readonly string[] {
  switch (event.kind) {
    case 'connected':
      return [`connected by ${event.by}`];
    case 'snapshot':
      return [`snapshot  ${event.entries} entries${event.unchanged ? ', unchanged' : ''}`];
    case 'changed':
      return event.changes.map(describeChange);
    case 'released':
      return [`released  ${event.entry.key}  ${event.entry.reason.text}`];
    case 'policy':
      return [`policy  revision ${event.revision}`];
    case 'resync':
      return [`resync  ${event.reason}`];
    case 'differs':
      return ['resync  the entries do not add up to what the service says'];
    case 'trouble':
      return [`trouble  ${wordsOf(event.error)} Again in ${(event.retryMs / 1000).toFixed(1)} s.`];
    case 'offboarded':
      return [`off-boarded  entries: ${event.entries}`];
  }
}

function describeChange({ event, data }: StateChange): string {
  if (event === 'revocation') return `gone  ${data.key}  revision ${data.revision}  ${data.reason.text}`;
  const what =
    data.source === 'own'
      ? `${data.action} by an analyst`
      : `${data.action} (${data.verdict}, ${data.reach}${data.threatName === undefined ? '' : `, ${data.threatName}`})`;
  return `entry  ${data.key}  revision ${data.revision}  ${what}  ${data.reason.text}`;
}

function wordsOf(error: unknown): string {
  const text =
    typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error);
  return text.endsWith('.') ? text : `${text}.`;
}
