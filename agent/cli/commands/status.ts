import { Device } from '../device.ts';
import type { Contact, StateFolder } from '../state-folder.ts';

/** Prints who this device is, what it holds, and when it last heard from the service. Asks nobody. */
export async function runStatus(state: StateFolder, print: (line: string) => void): Promise<void> {
  const device = await Device.open(state);
  const contact = await state.contact();
  const { identity, entries, policy } = device;
  const { count, digest } = entries.summary;
  const rows: readonly (readonly [string, string])[] = [
    ['state folder', state.path],
    ['service', identity.baseUrl],
    ['organization', identity.tenantId],
    ['device', identity.deviceId],
    ['running mode', identity.runningMode],
    ['policy', `revision ${policy.revision}, block level ${policy.blockLevel}, ${policy.enforce}`],
    ['entries', `${count}, digest ${digest.slice(0, 16)}…`],
    ['cursor', entries.position?.cursor ?? 'none: `firebreak-agent watch` takes a snapshot'],
    ['last contact', contact?.at ?? 'never'],
    ['service clock', clockOf(contact)],
  ];
  for (const [name, value] of rows) print(`${name.padEnd(14)}${value}`);
  await device.close();
}

function clockOf(contact: Contact | null): string {
  if (contact === null) return 'unknown';
  const { serverOffsetMs } = contact;
  return `${Math.abs(serverOffsetMs)} ms ${serverOffsetMs < 0 ? 'behind' : 'ahead of'} this device`;
}
