import type { ArtifactKey } from '../../contracts/artifact.ts';
import { titleOf } from './demo-device.ts';
import type { Stage } from './play.ts';

/** @returns what came otherwise than the scenario expects, in sentences; empty when all came as expected */
export function findDeviations({ scenario, chronicle, devices }: Stage): readonly string[] {
  const { expected } = scenario;
  const deviations: string[] = [];
  const stops = (name: string, key: ArtifactKey) => devices.get(name)?.stance(key)?.stopped === true;

  for (const { artifact, name } of expected.malicious) {
    const open = [...devices.keys()].filter((device) => !stops(device, artifact));
    if (open.length > 0)
      deviations.push(`${name} is not stopped by ${open.length} devices, such as ${open[0]}.`);
  }
  for (const { artifact, device } of expected.letRunAtFirst) {
    const [first] = chronicle.meetingsOf(artifact).filter((meeting) => meeting.device.name === device);
    if (first?.encounter.outcome.stopped !== false)
      deviations.push(`${device} did not let ${artifact} run at first.`);
  }
  for (const { artifact, devices: names } of expected.stoppedBeforeRunning) {
    for (const name of names) {
      const meetings = chronicle.meetingsOf(artifact).filter((meeting) => meeting.device.name === name);
      const stopped = meetings.some(({ held, encounter }) => held && encounter.outcome.stopped);
      if (!stopped) deviations.push(`${name} did not stop ${artifact} before it ran.`);
    }
  }
  for (const { artifact, name, tenant } of expected.confined) {
    const elsewhere = [...devices.values()].filter(
      (device) => device.tenant !== tenant && stops(device.name, artifact),
    );
    if (elsewhere.length > 0)
      deviations.push(`${name} is stopped outside of ${tenant}, such as by ${elsewhere[0]?.name}.`);
  }
  const benign = new Set<string>(expected.neverMalicious);
  const falseBlocks = chronicle.meetings.filter(
    ({ key, encounter }) => benign.has(key) && encounter.outcome.stopped,
  );
  for (const meeting of falseBlocks)
    deviations.push(`${meeting.device.name} stopped the benign ${titleOf(meeting)}.`);
  return deviations;
}
