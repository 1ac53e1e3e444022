import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Chronicle } from './chronicle.ts';
import { DemoDevice } from './demo-device.ts';
import { explainSteps, traceSteps } from './explain.ts';
import { foundOrganization, type Organization } from './organizations.ts';
import { followSpread, playScenario, type Stage } from './play.ts';
import { readScenario } from './scenario.ts';
import type { Screen } from './screen.ts';
import { startService, type ServiceProcess } from './service-process.ts';
import { takeBack } from './take-back.ts';
import { findDeviations } from './verify.ts';

export interface DemoOptions {
  readonly speed: number;
  /** Keep the service running after the story, until SIGINT or SIGTERM. */
  readonly stay: boolean;
}

const scenarioFolder = new URL('../../test/scenarios/outbreak/', import.meta.url);
const settleMs = 2_000;

/** @returns the exit code: 0 when all came as the scenario expects */
export async function runDemo(screen: Screen, { speed, stay }: DemoOptions): Promise<number> {
  const asked = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(
    () => 'asked' as const,
  );
  screen.line('Starting the service on an empty data folder …', 'quiet');
  const service = await startService();
  const devices = new Map<string, DemoDevice>();
  try {
    screen.line(`Ready after ${(service.startedInMs / 1000).toFixed(1)} s at ${service.baseUrl}`, 'strong');
    const told = tellStory(screen, service, devices, speed);
    const ended = await Promise.race([told, asked]);
    if (ended === 'asked') return 130;
    if (stay) {
      printAddresses(screen, service, ended.organizations);
      await asked;
      screen.line();
      screen.line('Stopping …', 'quiet');
    }
    return ended.deviations === 0 ? 0 : 1;
  } finally {
    await Promise.allSettled([...devices.values()].map((device) => device.stop()));
    await service.stop();
  }
}

async function tellStory(
  screen: Screen,
  service: ServiceProcess,
  devices: Map<string, DemoDevice>,
  speed: number,
): Promise<{ readonly organizations: readonly Organization[]; readonly deviations: number }> {
  const scenario = await readScenario(scenarioFolder);
  const startedMs = performance.now();
  const organizations = await Promise.all(
    scenario.tenants.map((tenant) => foundOrganization(service, tenant, scenario.devicesPerTenant)),
  );
  const stage: Stage = { scenario, organizations, devices, chronicle: new Chronicle(), screen };
  const { malicious, confined } = scenario.expected;
  const titles = new Map([...malicious, ...confined].map(({ artifact, name }) => [artifact as string, name]));
  const follow = followSpread(stage, titles);
  await Promise.all(
    organizations
      .flatMap((organization) => organization.devices)
      .map(async (enrolled) => {
        const folder = join(service.folder, 'devices', enrolled.name);
        devices.set(enrolled.name, await DemoDevice.start(service.baseUrl, enrolled, folder, follow));
      }),
  );
  const names = organizations.map(({ name, trust }) => `${name} (${trust})`).join(', ');
  screen.line(
    `${names}: ${devices.size} devices watch the stream after ${((performance.now() - startedMs) / 1000).toFixed(1)} s`,
  );
  screen.heading(
    `The outbreak: ${scenario.recording.length} reports in ${(scenario.lengthMs / 1000 / speed).toFixed(0)} s`,
  );
  await playScenario(stage, speed);
  await sleep(settleMs);

  const keys = [...malicious, ...confined].map(({ artifact }) => artifact);
  explainSteps(
    screen,
    organizations,
    await traceSteps(service.baseUrl, organizations, stage.chronicle, keys),
    titles,
  );
  const deviations = [...findDeviations(stage)];
  if (!(await takeOneBack(stage, service))) deviations.push('A block was not taken back everywhere.');
  printVerdict(stage, deviations);
  return { organizations, deviations: deviations.length };
}

async function takeOneBack(
  { scenario, organizations, devices, screen }: Stage,
  service: ServiceProcess,
): Promise<boolean> {
  const { override, expected } = scenario;
  const organization = organizations.find(({ key }) => key === override.tenant);
  const subject = [...expected.confined, ...expected.malicious].find(
    ({ name }) => name === override.artifact,
  );
  if (!organization || !subject) throw new Error('the scenario overrides what it does not have');
  const own = [...devices.values()].filter((device) => device.tenant === organization.key);
  return takeBack(service.baseUrl, organization, own, subject.artifact, subject.name, screen);
}

function printVerdict({ chronicle, scenario, screen }: Stage, deviations: readonly string[]): void {
  const stopped = chronicle.meetings.filter(({ encounter }) => encounter.outcome.stopped);
  const local = stopped.filter(({ encounter }) => encounter.decidedAt === 'device');
  screen.heading('In sum');
  screen.paragraph(
    `${chronicle.meetings.length} reports, ${stopped.length} stopped (${local.length} by entries that the device already held), ${scenario.expected.neverMalicious.length} benign artifacts.`,
  );
  if (deviations.length === 0) screen.paragraph('All came as the scenario expects.', 4, 'good');
  for (const deviation of deviations) screen.paragraph(`OTHERWISE THAN EXPECTED: ${deviation}`, 4, 'bad');
}

function printAddresses(
  screen: Screen,
  service: ServiceProcess,
  organizations: readonly Organization[],
): void {
  screen.heading(
    `The service stays at ${service.baseUrl} (its interface: ${service.baseUrl}/docs) until Ctrl-C`,
  );
  screen.line(`    operator token: ${service.operatorToken}`);
  for (const { name, analystToken, adminToken } of organizations) {
    screen.line(`    ${name}: analyst ${analystToken}, administrator ${adminToken}`);
  }
  screen.line(
    `    for example: curl -H "Authorization: Bearer ${organizations[0]?.analystToken ?? ''}" "${service.baseUrl}/v1/verdicts?verdict=malicious"`,
  );
}
