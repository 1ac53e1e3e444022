import { open } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { sha256Hex } from '../../contracts/canonical.ts';
import type { Report } from '../../contracts/report.ts';
import { observeScript } from '../../agent/sdk/observe.ts';
import { CaptureReaders, documentedCommand, withoutCuts } from './commands.ts';
import { executableFamily, executableReport } from './executables.ts';
import { readCsv, readJsonLines } from './rows.ts';

/** What a table says of an artifact, in the fields of a Report; `makeReport` adds what an agent would. */
export type ReportParts = Pick<Report, 'artifact'> &
  Partial<Pick<Report, 'file' | 'process' | 'events' | 'firebreak'>>;

/** One row of a table, in its order. */
export interface TableRow {
  /** The row's own id or digest, else its number, from 1. */
  readonly id: string;
  /** None where the row describes nothing that is reported; several where it lists several. */
  readonly reports: readonly (ReportParts | WholeReport)[];
  /** Null: it takes no part in figures. */
  readonly label: 'benign' | 'malicious' | null;
  /** Rows of the same item are near-copies: rates are also told by distinct item. */
  readonly item: string;
  /** What rates are told apart by, such as `source` or `capture`. */
  readonly groups: Readonly<Partial<Record<GroupName, string>>>;
}

/** A report as it would be sent, to be checked as the service does. */
export interface WholeReport {
  readonly whole: unknown;
}

export const groupNames = ['source', 'family', 'style', 'capture'] as const;
export type GroupName = (typeof groupNames)[number];

type Cells = Readonly<Record<string, unknown>>;

interface Shape {
  readonly name: string;
  readonly holds: string;
  /** Whether a file is of this kind, by the columns of its first row. */
  readonly fits: (columns: ReadonlySet<string>) => boolean;
  /** Makes what reads the rows of one file, one after the other. */
  readonly reader: () => (row: Cells) => Pick<TableRow, 'reports' | 'item'>;
}

function text(row: Cells, ...columns: readonly string[]): string | undefined {
  for (const column of columns) {
    const value = row[column];
    if (typeof value === 'string' && value !== '') return value;
    if (typeof value === 'number') return String(value);
  }
  return undefined;
}

function telemetryReader() {
  const captures = new CaptureReaders();
  return (row: Cells) => {
    const report = captures.report(row);
    return { reports: report === null ? [] : [report], item: report?.artifact.text ?? '' };
  };
}

function valueReader(kind: 'domain' | 'url' | 'ip', column: string) {
  return (row: Cells) => {
    const value = text(row, column) ?? '';
    const reports = value === '' ? [] : [{ artifact: { kind, value } as const }];
    return { reports, item: value };
  };
}

function commandReport(line: string): ReportParts {
  return documentedCommand(line, 'bare');
}

function hashOf(digest: string): NonNullable<Report['artifact']['hash']> {
  const value = digest.toLowerCase();
  return { [{ 32: 'md5', 40: 'sha1' }[value.length] ?? 'sha256']: value };
}

/** A table of header fields may lack the digest that names a file; its cells are as good a name. */
function executableHash(row: Cells): NonNullable<Report['artifact']['hash']> {
  return hashOf(text(row, 'sha256', 'md5', 'Md5') ?? sha256Hex(JSON.stringify(row)));
}

/** The kinds of files that are read, the first that fits. */
export const shapes: readonly Shape[] = [
  {
    name: 'reports',
    holds: 'reports as agents send them, or as `{"report": …}`',
    fits: (columns) => columns.has('artifact') || columns.has('report'),
    reader: () => (row) => {
      const whole = row['report'] ?? row;
      return { reports: [{ whole }], item: JSON.stringify(artifactIn(whole)) };
    },
  },
  {
    name: 'telemetry',
    holds:
      'process starts as Sysmon 1 or Security 4688 (`EventID`, `Image`, `CommandLine`, …), a capture or file after the other; other events are no reports',
    fits: (columns) => columns.has('EventID'),
    reader: telemetryReader,
  },
  {
    name: 'executables',
    holds: 'header fields by the names of `pefile` (`NumberOfSections`, `SizeOfCode`, …)',
    fits: (columns) => columns.has('NumberOfSections'),
    reader: () => (row) => {
      const cells = Object.fromEntries(Object.entries(row).map(([name, value]) => [name, String(value)]));
      const artifact = { kind: 'file', hash: executableHash(row) } as const;
      return { reports: [{ artifact, ...executableReport(cells) }], item: executableFamily(cells) };
    },
  },
  {
    name: 'commands',
    holds: 'command lines: `command`, or a list `code`',
    fits: (columns) => columns.has('command') || columns.has('code'),
    reader: () => (row) => {
      const code = Array.isArray(row['code']) ? row['code'].map(String) : [];
      const lines = 'command' in row ? [text(row, 'command') ?? ''] : code;
      const typed = lines.filter((line) => line !== '');
      return { reports: typed.map(commandReport), item: typed.join('\n') };
    },
  },
  {
    name: 'scripts',
    holds: 'scripts: `text`',
    fits: (columns) => columns.has('text'),
    reader: () => (row) => {
      const script = withoutCuts(text(row, 'text') ?? '');
      const reports = script === '' ? [] : [{ whole: observeScript(script, 'script.ps1') }];
      return { reports, item: text(row, 'cluster') ?? script };
    },
  },
  {
    name: 'domains',
    holds: 'domain names: `domain`',
    fits: (columns) => columns.has('domain'),
    reader: () => valueReader('domain', 'domain'),
  },
  {
    name: 'digests',
    holds: 'digests of files: `hash`',
    fits: (columns) => columns.has('hash'),
    reader: () => (row) => {
      const digest = text(row, 'hash') ?? '';
      return { reports: [{ artifact: { kind: 'file', hash: hashOf(digest) } }], item: digest };
    },
  },
  {
    name: 'urls',
    holds: 'URLs: `url`',
    fits: (columns) => columns.has('url'),
    reader: () => valueReader('url', 'url'),
  },
  {
    name: 'addresses',
    holds: 'addresses of IPv4 and IPv6: `ip`',
    fits: (columns) => columns.has('ip'),
    reader: () => valueReader('ip', 'ip'),
  },
];

/**
 * Reads a file of any kind in `shapes`: CSV with a header line, or JSON lines; plain or gzip.
 * @throws Error where the columns are of no kind that is known
 */
export async function* readTable(path: string): AsyncGenerator<TableRow> {
  let read: ReturnType<Shape['reader']> | undefined;
  let number = 0;
  for await (const row of await rowsOf(path)) {
    number += 1;
    read ??= shapeOf(row, path).reader();
    const { reports, item } = read(row);
    yield { id: idOf(row) ?? String(number), reports, item, label: labelOf(row), groups: groupsOf(row) };
  }
}

/** Whether the columns of its first row are of a kind that is known. */
export async function isKnownTable(path: string): Promise<boolean> {
  for await (const row of await rowsOf(path)) {
    const columns = new Set(Object.keys(row));
    return shapes.some(({ fits }) => fits(columns));
  }
  return false;
}

async function rowsOf(path: string): Promise<AsyncGenerator<Cells>> {
  return (await isCsv(path)) ? readCsv(path) : readJsonLines(path);
}

function shapeOf(row: Cells, path: string): Shape {
  const columns = new Set(Object.keys(row));
  const shape = shapes.find(({ fits }) => fits(columns));
  if (shape !== undefined) return shape;
  const known = shapes.map(({ name, holds }) => `  ${name}: ${holds}`).join('\n');
  throw new Error(
    `Nothing is known about columns such as ${[...columns].slice(0, 8).join(', ')} of ${path}. Known are:\n${known}`,
  );
}

async function isCsv(path: string): Promise<boolean> {
  const file = await open(path);
  try {
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(65_536) });
    const start = buffer.subarray(0, bytesRead);
    const plain = path.endsWith('.gz') ? gunzipSync(start, { finishFlush: 2 }) : start;
    return !plain.toString('utf8').trimStart().startsWith('{');
  } finally {
    await file.close();
  }
}

function artifactIn(whole: unknown): unknown {
  return typeof whole === 'object' && whole !== null && 'artifact' in whole ? whole.artifact : whole;
}

function idOf(row: Cells): string | undefined {
  const { report } = row;
  if (typeof report === 'object' && report !== null && 'id' in report) return String(report.id);
  return text(row, 'id', 'sha256', 'md5', 'Md5', 'sha1_norm', 'guid', 'hash', 'domain', 'url', 'ip');
}

function labelOf({ label }: Cells): TableRow['label'] {
  const known = { '0': 'benign', '1': 'malicious', benign: 'benign', malicious: 'malicious' } as const;
  return known[String(label) as keyof typeof known] ?? null;
}

function groupsOf(row: Cells): TableRow['groups'] {
  const groups = {
    source: text(row, 'source', 'src'),
    family: text(row, 'family', 'malware', 'technique'),
    style: text(row, 'style', 'page'),
    capture: 'EventID' in row ? text(row, 'capture', 'file') : undefined,
  };
  return Object.fromEntries(Object.entries(groups).filter(([, value]) => value !== undefined));
}
