import { playRecording } from '../../agent/sdk/recording.ts';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { Chronicle, Meeting } from './chronicle.ts';
import { titleOf, type DemoDevice } from './demo-device.ts';
import type { Organization } from './organizations.ts';
import type { Scenario } from './scenario.ts';
import type { Screen } from './screen.ts';

export interface Stage {
  readonly scenario: Scenario;
  readonly organizations: readonly Organization[];
  readonly devices: ReadonlyMap<string, DemoDevice>;
  readonly chronicle: Chronicle;
  readonly screen: Screen;
}

/** Plays the recording on the devices and tells what happens to the artifacts that the story is about. */
export async function playScenario(stage: Stage, speed: number): Promise<void> {
  const { scenario, devices, chronicle, screen } = stage;
  const benign = new Set<string>(scenario.expected.neverMalicious);
  let played = 0;
  screen.beginClock();
  await playRecording(scenario.recording, { speed }, async (line) => {
    const device = devices.get(line.device ?? '');
    if (!device)
      throw new Error(`the recording names ${line.device ?? 'no device'}, which is not of the cast`);
    const meeting = await device.meet(line);
    chronicle.noteMet(meeting);
    played += 1;
    if (!benign.has(meeting.key)) tellMeeting(screen, meeting);
    else if (meeting.encounter.outcome.stopped) {
      screen.event(
        device.name,
        `FALSE BLOCK of ${titleOf(meeting)}: ${meeting.encounter.outcome.reason}`,
        'bad',
      );
    }
    screen.footer(`${played} of ${scenario.recording.length} reports played on ${devices.size} devices`);
  });
  screen.footer('');
}

function tellMeeting(screen: Screen, meeting: Meeting): void {
  const { outcome, decidedAt } = meeting.encounter;
  const { name } = meeting.device;
  const title = titleOf(meeting);
  const verdict = outcome.threatName ?? outcome.verdict;
  const took = `${Math.round(meeting.tookMs)} ms`;
  if (meeting.report.artifact.kind === 'command-line' && !meeting.held) {
    const what = outcome.stopped ? 'stopped by its own entries' : 'seen, reported';
    screen.event(name, `${title}: ${what}`, outcome.stopped ? 'good' : 'quiet');
  } else if (!meeting.held && !outcome.stopped) {
    screen.event(name, `${title}: seen running, reported`, 'quiet');
  } else if (!outcome.stopped) {
    screen.event(name, `${title} is let run: ${verdict} after ${took}`, 'bad');
  } else if (decidedAt === 'device') {
    screen.event(name, `${title} STOPPED before running, without asking: ${verdict}`, 'good');
  } else {
    screen.event(name, `${title} STOPPED before running, held for ${took}: ${verdict}`, 'good');
  }
}

/** Called whenever a device applied a change: tells when the last device of an organization is protected. */
export function followSpread(
  stage: Stage,
  told: ReadonlyMap<string, string>,
): (device: DemoDevice, key: ArtifactKey) => void {
  const { chronicle, screen, organizations } = stage;
  return (device, key) => {
    const stance = device.stance(key);
    const change = chronicle.noteApplied(device, key, stance?.stopped === true ? stance.entry : null);
    const title = told.get(key);
    const organization = organizations.find((candidate) => candidate.key === device.tenant);
    if (change !== 'protected' || title === undefined || !organization) return;
    const count = chronicle.stoppingDevices(device.tenant, key);
    if (count < organization.devices.length) return;
    const times = chronicle.protections
      .filter((one) => one.key === key && one.device.tenant === device.tenant)
      .map(({ atMs }) => atMs);
    const spreadMs = Math.max(...times) - Math.min(...times);
    screen.event(
      organization.name,
      `all ${count} devices stop ${title} now, ${spreadMs} ms from first to last`,
      'strong',
    );
  };
}
