import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeOverrides } from './analyst.ts';
import { judge, type Check } from './checks.ts';
import { startClusterSubject } from './cluster-subject.ts';
import { startEmbeddedSubject } from './embedded-subject.ts';
import { readHistory, readSubscriber, type Evidence } from './evidence.ts';
import { Faults } from './faults.ts';
import { Load } from './load.ts';
import { readLog } from './log-state.ts';
import { foundOrganizations, type Organizations } from './organizations.ts';
import type { Outcome } from './outcome.ts';
import { undisturbedOutcome } from './reference.ts';
import { planScenario, type Scenario } from './scenario.ts';
import { describeFault, planFaults, type Fault, type Profile } from './schedule.ts';
import { settle } from './settle.ts';
import type { Subject } from './subject.ts';
import { areCurrent, outcomeFor, startSubscribers } from './subscribers.ts';

export interface TortureOptions {
  readonly profile: Profile;
  readonly seed: string;
  readonly minutes: number;
  /** Reports a second. */
  readonly rate: number;
  /** Between two faults, in seconds, while the input flows at its rate; 0: no faults. */
  readonly everySeconds: number;
  readonly say: (line: string) => void;
}

export interface TortureResult {
  readonly passed: boolean;
  readonly reports: number;
  readonly seconds: number;
  readonly faults: readonly Fault[];
  /** Calls of devices that failed, and were made again. */
  readonly failedCalls: number;
  readonly checks: readonly Check[];
  /** Where data and logs are kept; null after a run that passed. */
  readonly folder: string | null;
}

const tellEveryMs = 5_000;
const patienceMs = 180_000;

/** Hurts the service under load, lets it come to rest, and judges what it left behind. */
export async function torture(options: TortureOptions): Promise<TortureResult> {
  const { profile, seed, minutes, rate, everySeconds, say } = options;
  const startedMs = performance.now();
  const folder = makeFolder();
  const scenario = planScenario(seed, Math.round(minutes * 60 * rate));
  const count = everySeconds === 0 ? 0 : Math.max(1, Math.round((minutes * 60) / everySeconds));
  const faults = planFaults({ seed, profile, faults: count });
  say(`seed ${seed}: ${scenario.reports} reports, ${faults.length} faults, data in ${folder}`);
  say('what the same input comes to undisturbed');
  const expected = await undisturbedOutcome(scenario, seed, folder);
  say(`${expected.size} verdicts; starting the service (${profile})`);
  const notices = createWriteStream(join(folder, 'notices.log'), { flags: 'a' });
  const onNotice = (line: string): void => void notices.write(`${new Date().toISOString()} ${line}\n`);
  const start = profile === 'cluster' ? startClusterSubject : startEmbeddedSubject;
  const subject = await start({ folder: join(folder, 'tortured'), onNotice });
  try {
    const run = { ...options, scenario, faults, expected, subject, folder, onNotice };
    const { evidence, failedCalls } = await disturb(run);
    const checks = judge(evidence);
    const passed = checks.every((check) => check.passed);
    const seconds = Math.round((performance.now() - startedMs) / 1000);
    const result = { passed, reports: scenario.reports, seconds, faults, failedCalls, checks };
    await subject.stop();
    if (passed) rmSync(folder, { recursive: true, force: true });
    return { ...result, folder: passed ? null : folder };
  } finally {
    await subject.stop();
    notices.end();
  }
}

interface Run extends TortureOptions {
  readonly scenario: Scenario;
  readonly faults: readonly Fault[];
  readonly expected: Outcome;
  readonly subject: Subject;
  readonly folder: string;
  readonly onNotice: (line: string) => void;
}

async function disturb(run: Run): Promise<{ readonly evidence: Evidence; readonly failedCalls: number }> {
  const { subject, scenario, seed, rate, faults, say, onNotice, folder, expected } = run;
  const { url } = subject;
  const organizations = await foundOrganizations(subject, scenario);
  const followers = await startSubscribers(url, folder, organizations);
  const failedFaults: string[] = [];
  const hurting = new Faults({
    faults,
    progress: () => load.progress,
    strike: (fault) => subject.strike(fault),
    onFault: (fault) => {
      const line = `fault ${fault.number}/${faults.length}: ${describeFault(fault)}`;
      say(line);
      onNotice(line);
    },
    onFailed: (fault, error) =>
      failedFaults.push(`fault ${fault.number} (${describeFault(fault)}) failed: ${String(error)}`),
  });
  const { devices, tenants } = organizations;
  const load: Load = new Load({ url, scenario, seed, devices, rate, limit: () => hurting.inputLimit });
  const state = (): string =>
    `accepted ${load.acceptedCount}/${scenario.reports}, entries ${[...followers.values()].map(({ store }) => store.size).join('/')}`;
  const stopTelling = tellRegularly(subject, state, say);
  try {
    await Promise.all([
      load.run(),
      makeOverrides(url, tenants, scenario.overrides, () => load.progress),
      hurting.run(),
    ]);
    say('all is accepted and the faults are over; waiting until nothing is left to do');
    await settle(subject, patienceMs, () => areCurrent(followers, subject));
  } finally {
    stopTelling();
  }
  say('looking at what it left behind');
  const [unready, lag] = [await subject.unready(), await subject.lag()];
  const history = await insist(() => readHistory(url, subject.database, organizations));
  const outcome = await insist(() => outcomeFor(url, organizations));
  const subscribers = await Promise.all(
    [...followers].map(([tenant, follower]) =>
      insist(() => readSubscriber(tenant, tenants.get(tenant)?.id ?? '', follower, subject.snapshotUrls)),
    ),
  );
  await Promise.all([...followers.values()].map((follower) => follower.stop()));
  const evidence: Evidence = {
    ...{ lag, unready, history, outcome, expected, subscribers, failedFaults },
    accepted: acceptedBy(load, scenario, organizations),
    planned: scenario.reports,
    plannedOverrides: scenario.overrides,
    crashes: subject.crashes,
    refusals: load.refusals,
    log: await readLog(await subject.openLog()),
  };
  return { evidence, failedCalls: load.failures };
}

/** What was hurt may still let a connection go: a look that fails is taken again, a few times. */
async function insist<Result>(look: () => Promise<Result>): Promise<Result> {
  for (let left = 3; left > 0; left -= 1) {
    try {
      return await look();
    } catch {
      await sleep(1000);
    }
  }
  return look();
}

function acceptedBy(
  load: Load,
  { devices }: Scenario,
  { tenants }: Organizations,
): ReadonlyMap<string, readonly string[]> {
  return new Map(
    [...tenants.keys()].map((tenant) => [
      tenant,
      (devices.get(tenant) ?? []).flatMap((device) => [...(load.accepted.get(device) ?? [])]),
    ]),
  );
}

/** A line every few seconds, with the lag where it can be had at that moment. @returns what ends it */
function tellRegularly(
  subject: Pick<Subject, 'lag'>,
  state: () => string,
  say: (line: string) => void,
): () => void {
  let lag: string | number = '?';
  let isAsking = false;
  const timer = setInterval(() => {
    say(`${state()}, lag ${lag}`);
    if (isAsking) return;
    [isAsking, lag] = [true, '?'];
    void subject
      .lag()
      .then(
        (found) => (lag = found),
        () => (lag = 'not to be had'),
      )
      .finally(() => (isAsking = false));
  }, tellEveryMs);
  return () => clearInterval(timer);
}

/** Open for PostgreSQL's own user to pass through. */
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'firebreak-torture-'));
  chmodSync(folder, 0o711);
  for (const name of ['undisturbed', 'tortured']) mkdirSync(join(folder, name), { mode: 0o711 });
  return folder;
}
