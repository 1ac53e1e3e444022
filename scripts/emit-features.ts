/**
 * Writes the features of labelled rows as JSON lines to standard output, for `training/`. Features are extracted here and
 * nowhere else, by the code that serves, so that training and serving cannot disagree. The first line names the schema.
 *
 *   node --import tsx scripts/emit-features.ts metadata|behavior|script|network FOLDER
 *   node --import tsx scripts/emit-features.ts golden metadata|behavior|script|network
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { observeScript } from '../agent/sdk/observe.ts';
import * as behavior from '../classifiers/behavior/features.ts';
import { lineageException } from '../classifiers/behavior/lineage-exceptions.ts';
import { observedProcesses } from '../classifiers/behavior/process-context.ts';
import * as metadata from '../classifiers/metadata/features.ts';
import { recognizeStub } from '../classifiers/metadata/stub.ts';
import { capabilityNames } from '../classifiers/script/capabilities.ts';
import * as script from '../classifiers/script/features.ts';
import { sha256Hex } from '../contracts/canonical.ts';
import { reportSchema } from '../contracts/report.ts';
import { withRules } from './emit-features/by-rules.ts';
import { emitNetwork, networkFeatures } from './emit-features/network.ts';
import { ordinaryCommands } from './emit-features/ordinary-commands.ts';
import { tellings } from './emit-features/tellings.ts';
import { CaptureReaders, documentedCommand, processRow, type CommandReport } from './to-reports/commands.ts';
import { executableFamily, executableReport, type ExecutableReport } from './to-reports/executables.ts';
import { readCsv, readJsonLines } from './to-reports/rows.ts';
import {
  collectedScript,
  documentedScript,
  launcherScript,
  type LabelledScript,
} from './to-reports/scripts.ts';

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

/** A report on a command line, and where it is from. */
interface Command {
  readonly report: CommandReport;
  readonly about: object;
}

async function* capturedCommands(folder: string): AsyncGenerator<Command> {
  for (const [source, file] of Object.entries(captureTables)) {
    const captures = new CaptureReaders();
    for await (const row of readJsonLines(join(folder, file))) {
      const report = captures.report(row);
      if (report === null) continue;
      const { capture, host } = processRow(row);
      const { label, label_basis: basis, tactic: tactics } = row;
      yield { report, about: { source, capture: `${source}/${capture}`, host, label, basis, tactics } };
    }
  }
}

async function* documentedCommands(folder: string): AsyncGenerator<Command> {
  for (const [source, file] of Object.entries(documentTables)) {
    for await (const row of readJsonLines(join(folder, file))) {
      const platforms = [row['platform']].flat();
      if (source !== 'tldr' && !platforms.includes('windows')) continue;
      const name = [row['page'], row['technique'], row['binary']].find((each) => typeof each === 'string');
      const about = {
        source,
        capture: `${source}/${name ?? ''}`,
        label: row['label'],
        basis: platforms.join(),
      };
      for (const setting of ['bare', 'cmd', 'powershell'] as const)
        yield { report: documentedCommand(String(row['command']), setting), about: { ...about, setting } };
    }
  }
}

async function readOwn(file: string): Promise<unknown> {
  return JSON.parse(await readFile(new URL(`../training/own/${file}`, import.meta.url), 'utf8'));
}

/** Our own list of ordinary commands; one in five of a group shares a capture, so that each is judged by the other four. */
async function* ownCommands(): AsyncGenerator<Command> {
  for (const { report, group, index } of ordinaryCommands(await readOwn('benign-commands.json')))
    yield { report, about: { source: 'own', capture: `own/${group}/${index % 5}`, label: 'benign' } };
}

const unseenCommandsSchema = z.object({ lines: z.array(z.string()) });

/** Ordinary commands that are judged and never learned. */
async function* unseenCommands(): AsyncGenerator<Command> {
  const { lines } = unseenCommandsSchema.parse(await readOwn('unseen-commands.json'));
  for (const setting of ['bare', 'cmd'] as const)
    for (const line of lines) {
      const about = { source: 'unseen', capture: `unseen/${line}`, setting, label: 'benign' };
      yield { report: documentedCommand(line, setting), about };
    }
}

async function* allCommands(folder: string): AsyncGenerator<Command> {
  yield* capturedCommands(folder);
  yield* documentedCommands(folder);
  yield* ownCommands();
  yield* unseenCommands();
}

function commandFeatures(report: CommandReport): object | null {
  const [process] = observedProcesses(report);
  if (process === undefined) return null;
  const line = sha256Hex(process.commandLine).slice(0, 16);
  const excepted = lineageException(process)?.id;
  const { content } = behavior.extractFeatures(process);
  const contexts = Object.values(tellings).map((told) => {
    const { context, view } = behavior.extractContext(told(process));
    return [context, view];
  });
  return { line, ...(excepted !== undefined && { excepted }), content, contexts };
}

/** Each with what the rules say of it, because a capture is found by either of the two. */
async function emitBehavior(folder: string, write: Write): Promise<void> {
  write({
    featureSchemaVersion: behavior.FEATURE_SCHEMA_VERSION,
    rows: behavior.TABLE_ROWS,
    contextRowsFrom: behavior.CONTEXT_ROWS_FROM,
    tellings: Object.keys(tellings),
  });
  for await (const { item, byRules } of withRules(allCommands(folder), ({ report }) => report)) {
    const features = commandFeatures(item.report);
    if (features) write({ ...item.about, ...features, byRules });
  }
}

const scriptTables = {
  'scripts/ps_malicious_unit42_dev_families.jsonl.gz': [collectedScript, launcherScript],
  'scripts/ps_benign_mpsd.jsonl.gz': [collectedScript],
  'commands/atomic_red_team.jsonl.gz': [documentedScript],
  'commands/benign_tldr_examples.jsonl.gz': [documentedScript],
} as const;

const ownScriptsSchema = z.object({
  groups: z.array(z.object({ style: z.string(), scripts: z.array(z.string()) })),
});

async function* allScripts(folder: string): AsyncGenerator<LabelledScript> {
  for (const [file, readers] of Object.entries(scriptTables))
    for await (const row of readJsonLines(join(folder, file)))
      for (const toScript of readers) {
        const labelled = toScript(row);
        if (labelled !== null) yield labelled;
      }
  const { groups } = ownScriptsSchema.parse(await readOwn('benign-scripts.json'));
  for (const { style, scripts } of groups)
    for (const [index, text] of scripts.entries()) {
      const cluster = `own/${style}/${index}`;
      yield { source: 'own', label: 'benign', cluster, group: `own-${style}`, text };
    }
}

/** Each with what the rules say of it, because the two decide together. */
async function emitScripts(folder: string, write: Write): Promise<void> {
  const { FEATURE_SCHEMA_VERSION: featureSchemaVersion, TABLE_ROWS: rows } = script;
  write({
    ...{ featureSchemaVersion, rows, capabilityRowsFrom: script.CAPABILITY_ROWS_FROM },
    ...{ capabilities: capabilityNames, leastRows: script.LEAST_ROWS },
  });
  const reportOf = ({ text }: LabelledScript) => ({ whole: observeScript(text, 'script.ps1') });
  for await (const { item, byRules } of withRules(allScripts(folder), reportOf)) {
    const { text, ...about } = item;
    const { tokens, windows } = script.extractFeatures(text);
    write({
      ...about,
      ...{ tokens, byRules },
      windows: windows.map(({ rows: words, capabilities }) => [words, capabilities]),
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
    else if (classifier === 'script') write(script.extractFeatures(report.artifact.text ?? ''));
    else if (classifier === 'network') write(networkFeatures(report));
    else write(observedProcesses(report).map(behavior.extractFeatures));
  }
}

const [task, argument] = process.argv.slice(2);
const write: Write = (record) => process.stdout.write(`${JSON.stringify(record)}\n`);
if (task === 'metadata' && argument !== undefined) await emitMetadata(argument, write);
else if (task === 'behavior' && argument !== undefined) await emitBehavior(argument, write);
else if (task === 'script' && argument !== undefined) await emitScripts(argument, write);
else if (task === 'network' && argument !== undefined) await emitNetwork(argument, write);
else if (task === 'golden' && argument !== undefined) await emitGolden(argument, write);
else {
  process.stderr.write(
    'usage: emit-features.ts metadata|behavior|script|network FOLDER, or golden metadata|behavior|script|network\n',
  );
  process.exitCode = 2;
}
