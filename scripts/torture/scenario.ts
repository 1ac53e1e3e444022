import { identifyArtifact, sha256Hex, uuidOf } from '../../contracts/canonical.ts';
import { artifactSchema, type ArtifactKey } from '../../contracts/artifact.ts';
import type { ReportInput } from '../../contracts/report.ts';
import { createCorpus, hostileReport } from '../../bench/corpus.ts';
import { between, randomOf, shuffled, type Random } from '../random.ts';

/** A report but for the time, which it gets when it is sent first. */
export type PlannedReport = Omit<ReportInput, '@timestamp'>;

/** What one device sends in one request. */
export interface PlannedBatch {
  /** Such as `north-1`. */
  readonly device: string;
  readonly reports: readonly PlannedReport[];
  /** How long the device asks to be held for the verdicts; 0: not at all. */
  readonly waitSeconds: number;
  /** It sends the same once more though it was told that all is accepted. */
  readonly again: boolean;
}

/** What an analyst decides on an artifact once so much of the input is accepted. */
export interface PlannedOverride {
  readonly at: number;
  readonly tenant: string;
  readonly key: ArtifactKey;
  readonly comment: string;
}

export interface Scenario {
  readonly tenants: readonly { readonly name: string; readonly trust: 'new' | 'established' }[];
  /** By tenant; each reports. */
  readonly devices: ReadonlyMap<string, readonly string[]>;
  readonly batches: readonly PlannedBatch[];
  readonly overrides: readonly PlannedOverride[];
  readonly reports: number;
}

type Content = Omit<ReportInput, 'id' | '@timestamp'>;
interface Observation {
  readonly device: string;
  readonly content: Content;
}

const tenants = [
  { name: 'north', trust: 'established' },
  { name: 'south', trust: 'established' },
  { name: 'west', trust: 'new' },
] as const;
const devicesPerTenant = 2;
const poolArtifacts = 300;
const newShare = 0.05;
const mostPerBatch = 40;
const overrides = 8;
/**
 * So many that the breaker (60 blocks for all organizations in a minute and partition) never trips, however fast the
 * input is sent: it would make the outcome depend on time.
 */
const [hostileCommands, confinedFiles, confirmedFiles] = [12, 6, 6];

/**
 * The input of a run, the same for the same seed and size. What comes of it does not depend on the order in which it is
 * sent: harmless artifacts; commands that are hostile by their content, met by one to three devices; files that were let
 * run and are condemned by what their process did, at one organization, or at both established ones, which confirm each
 * other. What condemns is reported once: when it is lost, or has no effect, nothing else makes up for it.
 *
 * @param reports how many, at least enough for what condemns
 */
export function planScenario(seed: string, reports: number): Scenario {
  const random = randomOf(seed, 'scenario');
  const condemning = condemningObservations(seed, random);
  const corpus = createCorpus(poolArtifacts, newShare);
  const firstNumber = between(random, 0, 1_000_000) * 1000;
  const everybody = tenants.flatMap(({ name }) => devicesOf(name));
  const ordinary = Array.from({ length: Math.max(0, reports - condemning.length) }, (_, index) => ({
    device: pick(everybody, random),
    content: corpus.report(firstNumber + index),
  }));
  const observations = shuffled([...condemning, ...ordinary], random);
  return {
    tenants,
    devices: new Map(tenants.map(({ name }) => [name, devicesOf(name)])),
    batches: batchesOf(seed, observations, random),
    overrides: overridesOf(seed, condemning, random),
    reports: observations.length,
  };
}

function devicesOf(tenant: string): readonly string[] {
  return Array.from({ length: devicesPerTenant }, (_, index) => `${tenant}-${index + 1}`);
}

function condemningObservations(seed: string, random: Random): readonly Observation[] {
  const everybody = tenants.flatMap(({ name }) => devicesOf(name));
  const established = tenants.filter(({ trust }) => trust === 'established').map(({ name }) => name);
  const commands = numbers(hostileCommands).flatMap((n) =>
    shuffled(everybody, random)
      .slice(0, between(random, 1, 4))
      .map((device) => ({ device, content: hostileReport(`${seed}-${n}`) })),
  );
  const confined = numbers(confinedFiles).flatMap((n) =>
    misbehaviour(`${seed}-confined-${n}`, pick(tenants, random).name, random),
  );
  const confirmed = numbers(confirmedFiles).flatMap((n) =>
    established.flatMap((tenant) => misbehaviour(`${seed}-confirmed-${n}`, tenant, random)),
  );
  return [...commands, ...confined, ...confirmed];
}

/** A file is let run on one device, and its process does on another one of the tenant what condemns it. */
function misbehaviour(name: string, tenant: string, random: Random): readonly Observation[] {
  const hash = { sha256: sha256Hex(name) };
  const text = `vssadmin.exe delete shadows /all /quiet ${name} ${tenant}`;
  const [runs = '', misbehaves = ''] = shuffled(devicesOf(tenant), random);
  const executable = 'C:\\Users\\ann\\Downloads\\invoice.exe';
  return [
    {
      device: runs,
      content: {
        detectionSource: 'antivirus',
        localAction: 'allowed',
        artifact: { kind: 'file', hash },
        file: { name: 'invoice.exe', size: 184_320 },
      },
    },
    {
      device: misbehaves,
      content: {
        detectionSource: 'edr',
        localAction: 'allowed',
        artifact: { kind: 'command-line', text },
        process: {
          ...{ executable, entity_id: `boot:${name}`, pid: 4242, hash },
          parent: { executable: 'C:\\Windows\\explorer.exe' },
        },
      },
    },
  ];
}

function batchesOf(
  seed: string,
  observations: readonly Observation[],
  random: Random,
): readonly PlannedBatch[] {
  const gathered = new Map<string, { limit: number; reports: PlannedReport[] }>();
  const batches: PlannedBatch[] = [];
  const close = (device: string, reports: readonly PlannedReport[]): void => {
    const waits = random() < 0.1;
    batches.push({ device, reports, waitSeconds: waits ? between(random, 1, 6) : 0, again: random() < 0.2 });
    gathered.delete(device);
  };
  for (const [index, { device, content }] of observations.entries()) {
    const open = gathered.get(device) ?? { limit: between(random, 1, mostPerBatch + 1), reports: [] };
    gathered.set(device, open);
    open.reports.push({ id: uuidOf(`torture\n${seed}\n${index}`), ...content });
    if (open.reports.length >= open.limit) close(device, open.reports);
  }
  for (const [device, { reports }] of gathered) close(device, reports);
  return batches;
}

function overridesOf(
  seed: string,
  condemning: readonly Observation[],
  random: Random,
): readonly PlannedOverride[] {
  const keys = [...new Set(condemning.map(({ content }) => keyOf(content)))];
  return shuffled(keys, random)
    .slice(0, overrides)
    .map((key, index) => ({
      at: 0.05 + (0.85 * index) / overrides,
      tenant: pick(tenants, random).name,
      key,
      comment: `torture ${seed} ${index + 1}`,
    }));
}

/** @returns the key of what a report is about */
export function keyOf({ artifact }: Pick<Content, 'artifact'>): ArtifactKey {
  return identifyArtifact(artifactSchema.parse(artifact)).key;
}

function numbers(count: number): readonly number[] {
  return [...Array(count).keys()];
}

function pick<Item>(items: readonly Item[], random: Random): Item {
  const item = items[between(random, 0, items.length)];
  if (item === undefined) throw new RangeError('There is nothing to choose from.');
  return item;
}
