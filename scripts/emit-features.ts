/**
 * Writes the features of labelled rows as JSON lines to standard output, for `training/`. Features are extracted here and
 * nowhere else, by the code that serves, so that training and serving cannot disagree. The first line names the schema.
 *
 *   node --import tsx scripts/emit-features.ts metadata|behavior|network FOLDER
 *   node --import tsx scripts/emit-features.ts golden metadata|behavior|network
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import * as behavior from '../classifiers/behavior/features.ts';
import { lineageException } from '../classifiers/behavior/lineage-exceptions.ts';
import { observedProcesses } from '../classifiers/behavior/process-context.ts';
import * as metadata from '../classifiers/metadata/features.ts';
import { recognizeStub } from '../classifiers/metadata/stub.ts';
import { sha256Hex } from '../contracts/canonical.ts';
import { reportSchema } from '../contracts/report.ts';
import { emitNetwork, networkFeatures } from './emit-features/network.ts';
import {
  CaptureReaders,
  commandInLineage,
  documentedCommand,
  processRow,
  type CommandReport,
} from './to-reports/commands.ts';
import { executableFamily, executableReport, type ExecutableReport } from './to-reports/executables.ts';
import { readCsv, readJsonLines } from './to-reports/rows.ts';

type Write = (record: object) => void;

const executableTables = {
  clamp: 'clamp_raw_5184.csv.gz',
  maldata: 'maldata_virusshare_win7.csv.gz',
  debian: 'benign_debian_pe.csv.gz',
} as const;

async function emitMetadata(folder: string, write: Write): Promise<void> {
  write({
    featureSchemaVersion: metadata.FEATURE_SCHEMA_VERSION,
    names: metadata.FEATURES.map(({ name }) => name),
    groups: metadata.FEATURES.map(({ group }) => group),
    monotone: metadata.FEATURES.map(({ monotone }) => monotone ?? 0),
  });
  for (const [source, file] of Object.entries(executableTables)) {
    for await (const row of readCsv(join(folder, 'pe_static', file))) {
      writeExecutable(write, executableReport(row), {
        source,
        family: executableFamily(row),
        label: Number(row['label']),
      });
    }
  }
  await emitOwnExecutables(write);
}

function writeExecutable(write: Write, report: ExecutableReport, about: object): void {
  const facts = metadata.readExecutable(report);
  if (!metadata.describesExecutable(facts)) return;
  write({
    ...about,
    stub: recognizeStub(facts) !== undefined,
    features: Array.from(metadata.extractFeatures(facts)),
  });
}

const ownExecutableSchema = z.object({
  package: z.string(),
  report: reportSchema.pick({ file: true, firebreak: true }),
});

/** Our own descriptions of programs and libraries out of Python wheels for Windows; a package is a family. */
async function emitOwnExecutables(write: Write): Promise<void> {
  const path = fileURLToPath(new URL('../training/own/benign-executables.jsonl.gz', import.meta.url));
  for await (const row of readJsonLines(path)) {
    const { package: family, report } = ownExecutableSchema.parse(row);
    writeExecutable(write, report, { source: 'wheels', family, label: 0 });
  }
}

const captureTables = {
  otrf: 'behaviour_otrf/otrf_process_creation_dev.jsonl.gz',
  eas: 'behaviour_evtx_attack_samples/eas_events.jsonl.gz',
} as const;
const documentTables = {
  atomic: 'commands/atomic_red_team.jsonl.gz',
  liblol: 'commands/adobe_liblol_known.jsonl.gz',
  lolbas: 'commands/lolbas_commands.jsonl.gz',
  tldr: 'commands/benign_tldr_examples.jsonl.gz',
} as const;

function emitCommand(write: Write, report: CommandReport, about: object): void {
  const [process] = observedProcesses(report);
  if (process === undefined) return;
  const line = sha256Hex(process.commandLine).slice(0, 16);
  const excepted = lineageException(process)?.id;
  const parentAlone = process.lineage
    .slice(0, 1)
    .map(({ executable }) => ({ executable, commandLine: undefined }));
  const { content, context } = behavior.extractFeatures(process);
  const { context: parentContext } = behavior.extractFeatures({ ...process, lineage: parentAlone });
  write({ ...about, line, ...(excepted !== undefined && { excepted }), content, context, parentContext });
}

async function emitBehavior(folder: string, write: Write): Promise<void> {
  write({
    featureSchemaVersion: behavior.FEATURE_SCHEMA_VERSION,
    rows: behavior.TABLE_ROWS,
    contextRowsFrom: behavior.CONTEXT_ROWS_FROM,
  });
  for (const [source, file] of Object.entries(captureTables)) {
    const captures = new CaptureReaders();
    for await (const row of readJsonLines(join(folder, file))) {
      const report = captures.report(row);
      if (report === null) continue;
      const { capture, host } = processRow(row);
      const { label, label_basis: basis, tactic: tactics } = row;
      const about = { source, capture: `${source}/${capture}`, host, label, basis, tactics };
      emitCommand(write, report, about);
    }
  }
  for (const [source, file] of Object.entries(documentTables)) {
    for await (const row of readJsonLines(join(folder, file))) {
      const platforms = [row['platform']].flat();
      if (source !== 'tldr' && !platforms.includes('windows')) continue;
      const about = {
        source,
        capture: `${source}/${[row['page'], row['technique'], row['binary']].find((name) => typeof name === 'string') ?? ''}`,
      };
      for (const setting of ['bare', 'cmd', 'powershell'] as const) {
        const report = documentedCommand(String(row['command']), setting);
        emitCommand(write, report, { ...about, setting, label: row['label'], basis: platforms.join() });
      }
    }
  }
  await emitOwnCommands(write);
}

const ownCommandsSchema = z.object({
  groups: z.array(z.object({ name: z.string(), lineage: z.array(z.string()), lines: z.array(z.string()) })),
});

/** Our own list of ordinary commands; one in five of a group shares a capture, so that each is judged by the other four. */
async function emitOwnCommands(write: Write): Promise<void> {
  const path = new URL('../training/own/benign-commands.json', import.meta.url);
  const { groups } = ownCommandsSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  for (const { name, lineage, lines } of groups) {
    lines.forEach((line, index) => {
      const about = { source: 'own', capture: `own/${name}/${index % 5}`, label: 'benign' };
      emitCommand(write, commandInLineage(line, lineage), about);
    });
  }
}

const goldenReportSchema = z.object({ report: z.unknown() });

/** Features of the golden reports of a classifier, one line for each, in the order of the file. */
async function emitGolden(classifier: string, write: Write): Promise<void> {
  const path = fileURLToPath(new URL(`../classifiers/${classifier}/golden.jsonl`, import.meta.url));
  for await (const row of readJsonLines(path)) {
    const report = reportSchema.parse(goldenReportSchema.parse(row).report);
    if (classifier === 'metadata')
      write({ features: Array.from(metadata.extractFeatures(metadata.readExecutable(report))) });
    else if (classifier === 'network') write(networkFeatures(report));
    else write(observedProcesses(report).map(behavior.extractFeatures));
  }
}

const [task, argument] = process.argv.slice(2);
const write: Write = (record) => process.stdout.write(`${JSON.stringify(record)}\n`);
if (task === 'metadata' && argument !== undefined) await emitMetadata(argument, write);
else if (task === 'behavior' && argument !== undefined) await emitBehavior(argument, write);
else if (task === 'network' && argument !== undefined) await emitNetwork(argument, write);
else if (task === 'golden' && argument !== undefined) await emitGolden(argument, write);
else {
  process.stderr.write(
    'usage: emit-features.ts metadata|behavior|network FOLDER, or golden metadata|behavior|network\n',
  );
  process.exitCode = 2;
}
