/** `npm run bench`: what a report costs and how fast a block reaches the stream, beside the cost of the parts alone. */
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { numberFrom, runProgram, wholeNumberFrom } from '../scripts/command-line.ts';
import { createTenant, enrollDevice } from '../test/support/api.ts';
import { makeDataDir } from '../test/support/service-process.ts';
import { measureFloor, measureHop } from './floor.ts';
import { makeKnown } from './known.ts';
import type { LoadResult, LoadTask } from './load.ts';
import { quantiles } from './quantiles.ts';
import { foundations, startClusterSubject, startEmbeddedSubject, type Subject } from './subject.ts';

interface Settings {
  readonly profile: 'embedded' | 'cluster';
  /** Of ingest, classify, correlate and publish; cluster only. */
  readonly instances: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly artifacts: number;
  readonly known: number;
  readonly out?: string;
}

/** Longer than PostgreSQL takes to look for tables that have changed much. */
const vacuumMs = 75_000;
/** Reports a second: less than any profile takes on two cores. */
const warmUpRate = 300;

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

function runLoad(task: LoadTask): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'bench/load.ts', JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('exit', (code) =>
      code === 0
        ? resolve(JSON.parse(output) as LoadResult)
        : reject(new Error(`The load generator ended with ${code}.`)),
    );
  });
}

/** Runs the load and accounts for the CPU of all processes until the loop has digested it. */
async function measure(subject: Subject, task: LoadTask) {
  const before = subject.usage();
  const result = await runLoad(task);
  await settled(subject);
  const after = subject.usage();
  const perReport = (us: number) => Math.round((10 * us) / Math.max(1, result.accepted)) / 10;
  return {
    batch: task.batch,
    offeredPerSecond: task.rate,
    acceptedPerSecond: Math.round(result.accepted / result.seconds),
    accepted: result.accepted,
    refused: result.refused,
    failed: result.failed,
    cpuUsPerReport: {
      ...Object.fromEntries(
        [...after.keys()].map((name) => [name, perReport(usedUs(before, after, [name]))]),
      ),
      ours: perReport(usedUs(before, after, ourNames(after))),
      sum: perReport(usedUs(before, after, [...after.keys()])),
    },
    requestMs: quantiles(result.requestMs),
    entryMs: quantiles(result.entryMs),
    entriesMissing: result.entriesMissing,
    residentMiB: residentMiB(after),
  };
}

type Usages = ReturnType<Subject['usage']>;

function ourNames(usages: Usages): readonly string[] {
  return [...usages.keys()].filter((name) => !foundations.includes(name));
}

function usedUs(before: Usages, after: Usages, names: readonly string[]): number {
  return names.reduce((sum, name) => sum + (after.get(name)?.cpuUs ?? 0) - (before.get(name)?.cpuUs ?? 0), 0);
}

/** Of our own processes together. */
function residentMiB(usages: Usages): number {
  const bytes = ourNames(usages).reduce((sum, name) => sum + (usages.get(name)?.residentBytes ?? 0), 0);
  return Math.round(bytes / 1_048_576);
}

/** Waits until nothing works much more than it does at rest: what was accepted is decided and recorded. */
async function settled(subject: Subject, restingUs = 150_000): Promise<void> {
  for (let calm = 0, seconds = 0; calm < 2 && seconds < 120; seconds += 1) {
    const before = subject.usage();
    await sleep(1000);
    const after = subject.usage();
    calm = usedUs(before, after, [...after.keys()]) < restingUs * after.size ? calm + 1 : 0;
  }
}

async function idle(subject: Subject, seconds: number) {
  const before = subject.usage();
  await sleep(seconds * 1000);
  const after = subject.usage();
  const share = (name: string) => Math.round((1000 * usedUs(before, after, [name])) / (seconds * 1e6)) / 10;
  return {
    corePercent: Object.fromEntries([...after.keys()].map((name) => [name, share(name)])),
    residentMiB: residentMiB(after),
  };
}

async function bench(settings: Settings): Promise<void> {
  const dataDir = settings.profile === 'embedded' ? makeDataDir() : null;
  if (settings.known > 0 && dataDir !== null) {
    say(`making ${settings.known} artifacts known`);
    await makeKnown(dataDir, settings.known, (made) => {
      if (made % 100_000 === 0) say(`  ${made}`);
    });
  }
  const started = performance.now();
  const service =
    dataDir === null
      ? await startClusterSubject(settings.instances, say)
      : await startEmbeddedSubject(dataDir);
  const readyMs = Math.round(performance.now() - started);
  try {
    const fresh = await idle(service, 5);
    const tenant = await createTenant(service.url, service.operatorToken, 'bench', 'established');
    const credentials: string[] = [];
    for (let n = 0; n < 9; n += 1)
      credentials.push((await enrollDevice(service.url, tenant.enrollmentKey, `bench-${n}`)).credential);
    const [subscriber = '', ...senders] = credentials;
    let firstReport = 0;
    const common = {
      url: service.url,
      credentials: senders,
      subscriber,
      connections: 4,
      artifacts: settings.artifacts,
      newShare: 0.05,
      hostileRate: 0,
    };
    const task = (more: Partial<LoadTask> & Pick<LoadTask, 'batch' | 'rate' | 'seconds'>): LoadTask => {
      firstReport += 10_000_000;
      return { ...common, firstReport, ...more };
    };
    if (settings.known > 0) {
      say('waiting until history and PostgreSQL are done with what was made known');
      await sleep(vacuumMs);
      await settled(service);
    }
    say('warming up');
    await runLoad(task({ batch: 100, rate: warmUpRate, seconds: settings.warmUpSeconds }));
    await settled(service);
    say('100 % in batches of 100');
    const full = await measure(
      service,
      task({ batch: 100, rate: null, seconds: settings.seconds, hostileRate: 2, connections: 16 }),
    );
    const quarter = Math.max(100, Math.round(full.acceptedPerSecond / 4 / 100) * 100);
    say(`25 %: ${quarter} reports a second in batches of 100`);
    const calm = await measure(
      service,
      task({ batch: 100, rate: quarter, seconds: settings.seconds, hostileRate: 10 }),
    );
    say('one by one');
    const single = await measure(
      service,
      task({ batch: 1, rate: null, seconds: settings.seconds, connections: 16 }),
    );
    say('idle');
    const resting = await idle(service, Math.min(20, settings.seconds));
    say('the parts alone');
    const hopRate = Math.max(20, quarter / 25);
    const floor = await measureFloor(settings.artifacts, hopRate);
    const log = await service.openLog();
    const hopMs = log === null ? floor.hopMs : await measureHop(log, hopRate);
    await log?.log.close();
    const hops = 3;
    const report = {
      commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
      machine: {
        cores: cpus().length,
        cpu: cpus()[0]?.model ?? '',
        memoryGiB: Math.round(totalmem() / 2 ** 30),
        node: process.version,
      },
      settings,
      readyMs,
      fresh,
      full,
      calm,
      single,
      idle: resting,
      floor: { ...floor, hopMs },
      ratios: {
        cpuToFloor:
          Math.round(
            (100 * full.cpuUsPerReport.sum) /
              (floor.validationUs + floor.appendUs + floor.inferenceUs + floor.signalsUs),
          ) / 100,
        entryP50ToHops: Math.round((100 * calm.entryMs.p50) / (hops * hopMs.p50)) / 100,
        entryP99ToHops: Math.round((100 * calm.entryMs.p99) / (hops * hopMs.p99)) / 100,
      },
    };
    const text = `${JSON.stringify(report, null, 2)}\n`;
    if (settings.out !== undefined) writeFileSync(settings.out, text);
    process.stdout.write(text);
  } finally {
    await service.stop();
  }
}

interface Options {
  readonly profile: 'embedded' | 'cluster';
  readonly instances: number;
  readonly seconds: number;
  readonly warmUp: number;
  readonly artifacts: number;
  readonly known: number;
  readonly out?: string;
}

const program = new Command('bench')
  .description(
    'Starts the service on a fresh data folder, drives its HTTP interface from another process, prints JSON.',
  )
  .addOption(new Option('--profile <name>').choices(['embedded', 'cluster']).default('embedded'))
  .option(
    '--instances <n>',
    'of each service that agents wait for, on the cluster profile',
    wholeNumberFrom(1),
    1,
  )
  .option('--seconds <n>', 'length of each run', numberFrom(1), 20)
  .option(
    '--warm-up <n>',
    'seconds of load before: each process compiles its code on the way',
    numberFrom(0),
    45,
  )
  .option('--artifacts <n>', 'pool of artifacts that reports are about', wholeNumberFrom(1), 1000)
  .option(
    '--known <n>',
    'artifacts that are known before the service starts, on the embedded profile',
    wholeNumberFrom(0),
    0,
  )
  .option('--out <file>', 'write the JSON there too')
  .action(async ({ warmUp, ...others }: Options) => {
    await bench({ ...others, warmUpSeconds: warmUp });
  });
await runProgram(program);
