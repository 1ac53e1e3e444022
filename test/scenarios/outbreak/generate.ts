/**
 * Writes the outbreak scenario: `reports.jsonl` (what three organizations' devices report in forty seconds),
 * `scenario.json` (the cast) and `expected.json` (what must come of it).
 *
 *   node --import tsx test/scenarios/outbreak/generate.ts
 */
import { writeFile } from 'node:fs/promises';
import { identifyArtifact } from '../../../contracts/canonical.ts';
import { defaultPolicy } from '../../../contracts/policy.ts';
import { reportSchema } from '../../../contracts/report.ts';
import { adminScripts, everydayCommands, hostileLookingCommands } from './benign-commands.ts';
import { deviceOf, devices, devicesPerTenant, tenants } from './cast.ts';
import { ordinaryExecutables } from './executables.ts';
import { hostileScript, implant, misdeedsAtAlpha, misdeedsAtBeta, type Misdeed } from './outbreak.ts';
import { SeededRandom } from './random.ts';
import { ScenarioRecorder, type ScenarioLine } from './recording.ts';

const lengthMs = 40_000;
const everyday = 200;
const hostileLooking = 72;
const scripts = 20;
const files = 56;

function recordOrdinaryDay(recorder: ScenarioRecorder): void {
  const random = new SeededRandom('an ordinary day');
  const anyTime = () => random.integer(0, lengthMs);
  for (const [count, commands] of [
    [everyday, everydayCommands],
    [hostileLooking, hostileLookingCommands],
  ] as const) {
    for (let index = 0; index < count; index += 1) {
      const device = random.pick(devices);
      const [parent, program, commandLine] = commands[index % commands.length] ?? random.pick(commands);
      const text = commandLine
        .replaceAll('%n%', String(random.integer(1, 40)))
        .replaceAll('%day%', random.pick(['monday', 'wednesday', 'friday']));
      recorder.commandLine(anyTime(), device, recorder.process(device, parent), program, text);
    }
  }
  for (let index = 0; index < scripts; index += 1) {
    recorder.script(anyTime(), random.pick(devices), random.pick(adminScripts), random.next() < 0.25);
  }
  for (let index = 0; index < files; index += 1) {
    const executable =
      ordinaryExecutables[index % ordinaryExecutables.length] ?? random.pick(ordinaryExecutables);
    const device = random.pick(devices);
    if (random.next() < 0.25) recorder.heldFile(anyTime(), device, executable);
    else recorder.seenFile(anyTime(), device, executable);
  }
}

/** One hostile script, met by devices of every organization within seconds: its text alone condemns it. */
function recordScript(recorder: ScenarioRecorder): void {
  for (const [at, tenant, number] of [
    [3_000, 'alpha', 3],
    [5_000, 'beta', 5],
    [5_600, 'gamma', 2],
    [6_200, 'alpha', 7],
    [7_000, 'beta', 10],
  ] as const) {
    recorder.script(at, deviceOf(tenant, number), hostileScript, true);
  }
}

/** A file that looks poor but not condemned is let run; what it does then is what stops it, first at home, then everywhere. */
function recordFile(recorder: ScenarioRecorder): void {
  const letRun = (at: number, tenant: 'alpha' | 'beta', number: number, misdeeds: readonly Misdeed[]) => {
    const device = deviceOf(tenant, number);
    const process = recorder.heldFile(at, device, implant);
    misdeeds.forEach(([program, commandLine], index) => {
      recorder.commandLine(at + 2_500 + index * 500, device, process, program, commandLine);
    });
  };
  letRun(9_000, 'alpha', 4, misdeedsAtAlpha);
  recorder.heldFile(16_500, deviceOf('alpha', 9), implant);
  letRun(18_000, 'beta', 2, misdeedsAtBeta);
  for (const [at, tenant, number] of [
    [26_000, 'gamma', 6],
    [26_600, 'gamma', 8],
    [27_300, 'beta', 9],
    [28_000, 'alpha', 11],
    [29_500, 'gamma', 11],
  ] as const) {
    recorder.heldFile(at, deviceOf(tenant, number), implant);
  }
}

const slandered = ordinaryExecutables.find(({ name }) => name === 'label-printer.exe') ?? implant;

/** A new organization says of an honest program what was true of the file above: that stays its own affair. */
function recordSlander(recorder: ScenarioRecorder): void {
  const liar = deviceOf('gamma', 12);
  const process = recorder.heldFile(31_000, liar, slandered);
  misdeedsAtAlpha.forEach(([program, commandLine], index) => {
    recorder.commandLine(32_000 + index * 300, liar, process, program, commandLine);
  });
  recorder.heldFile(36_000, deviceOf('alpha', 2), slandered);
  recorder.heldFile(36_500, deviceOf('beta', 4), slandered);
}

const keyOf = ({ report }: ScenarioLine) => identifyArtifact(reportSchema.parse(report).artifact).key;
const keyOfText = (kind: 'script' | 'command-line', text: string) => identifyArtifact({ kind, text }).key;

function expectedOutcome(lines: readonly ScenarioLine[]) {
  const fileKey = (name: string) => {
    const line = lines.find(({ report }) => report.artifact.kind === 'file' && report.file?.name === name);
    if (!line) throw new Error(`nobody reports ${name}`);
    return keyOf(line);
  };
  const misdeeds = [
    ...new Set([...misdeedsAtAlpha, ...misdeedsAtBeta].map(([, text]) => keyOfText('command-line', text))),
  ];
  const script = keyOfText('script', hostileScript.text);
  const [file, confined] = [fileKey(implant.name), fileKey(slandered.name)];
  const guilty = new Set<string>([script, file, ...misdeeds]);
  const benign = [...new Set(lines.map(keyOf))].filter((key) => !guilty.has(key) && key !== confined).sort();
  return {
    malicious: [
      { artifact: script, name: hostileScript.name, reach: 'ecosystem', reason: 'content-evidence' },
      { artifact: file, name: implant.name, reach: 'ecosystem', reason: 'tenant-consensus' },
    ],
    letRunAtFirst: [
      { artifact: file, device: 'alpha-04' },
      { artifact: file, device: 'beta-02' },
    ],
    stoppedBeforeRunning: [
      { artifact: script, devices: ['alpha-03', 'beta-05', 'gamma-02', 'alpha-07', 'beta-10'] },
      { artifact: file, devices: ['alpha-09', 'gamma-06', 'gamma-08', 'beta-09', 'alpha-11', 'gamma-11'] },
    ],
    confined: [{ artifact: confined, name: slandered.name, tenant: 'gamma' }],
    misdeeds: misdeeds.sort(),
    neverMalicious: benign,
  };
}

/** @returns every file of the scenario by name */
export function writeScenario(): ReadonlyMap<string, string> {
  const recorder = new ScenarioRecorder();
  recordOrdinaryDay(recorder);
  recordScript(recorder);
  recordFile(recorder);
  recordSlander(recorder);
  const lines = recorder.lines();
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  return new Map([
    ['reports.jsonl', lines.map((line) => `${JSON.stringify(line)}\n`).join('')],
    [
      'scenario.json',
      json({
        tenants,
        devicesPerTenant,
        lengthMs,
        override: { tenant: 'gamma', artifact: slandered.name },
      }),
    ],
    ['policy.json', json(defaultPolicy)],
    ['expected.json', json(expectedOutcome(lines))],
  ]);
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const [name, text] of writeScenario()) await writeFile(new URL(name, import.meta.url), text);
}
