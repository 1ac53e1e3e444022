import type { Report } from '../../contracts/report.ts';

export type CommandReport = Pick<Report, 'artifact' | 'process' | 'events'>;

/** A row of process telemetry (Sysmon 1 or Security 4688) with the names that those events use. */
export interface ProcessRow {
  readonly capture: string;
  readonly host: string;
  readonly image: string | undefined;
  readonly commandLine: string | undefined;
  readonly parentImage: string | undefined;
  readonly parentCommandLine: string | undefined;
  readonly processId: string | undefined;
  readonly parentProcessId: string | undefined;
  readonly sha256: string | undefined;
}

function text(row: Readonly<Record<string, unknown>>, column: string): string | undefined {
  const value = row[column];
  return typeof value === 'string' && value !== '' && value !== '-' ? value : undefined;
}

const entities: Readonly<Record<string, string>> = {
  '&gt;': '>',
  '&lt;': '<',
  '&amp;': '&',
  '&quot;': '"',
  '&apos;': "'",
};

/** Leaves out the marks where the data cut a long blob: what stands before one is enough to see that it is one. */
export function withoutCuts(text: string): string {
  return text.replaceAll(/<CUT:[^>]*>/g, '');
}

/** Undoes what collecting did to a command line: cuts, and entities of the event's XML. */
function asTyped(commandLine: string | undefined): string | undefined {
  if (commandLine === undefined) return undefined;
  return withoutCuts(commandLine).replaceAll(
    /&(?:gt|lt|amp|quot|apos);/g,
    (entity) => entities[entity] ?? entity,
  );
}

/** Security events write identifiers in hexadecimal, Sysmon in decimal. */
function processNumber(value: string | undefined): string | undefined {
  return value === undefined ? undefined : String(Number(value));
}

/** @returns the row in one form, whichever provider wrote it */
export function processRow(row: Readonly<Record<string, unknown>>): ProcessRow {
  return {
    capture: text(row, 'capture') ?? text(row, 'file') ?? '',
    host: (text(row, 'host') ?? '').toLowerCase(),
    image: text(row, 'Image'),
    commandLine: asTyped(text(row, 'CommandLine')),
    parentImage: text(row, 'ParentImage'),
    parentCommandLine: asTyped(text(row, 'ParentCommandLine')),
    processId: processNumber(text(row, 'ProcessId')),
    parentProcessId: processNumber(text(row, 'ParentProcessId')),
    sha256: /SHA256=([0-9A-Fa-f]{64})/.exec(text(row, 'Hashes') ?? '')?.[1]?.toLowerCase(),
  };
}

function described(executable: string | undefined, commandLine: string | undefined) {
  return {
    ...(executable !== undefined && { executable }),
    ...(commandLine !== undefined && { command_line: commandLine.slice(0, 32_768) }),
  };
}

interface StartedRow {
  readonly row: ProcessRow;
  readonly entityId: string;
  readonly parentId: string | undefined;
}

/**
 * Reports of one capture, row by row in its order. Processes that an earlier row of the same host started stand in
 * `events`, so that lineage is there as an agent would send it; process numbers are reused, so the latest start counts.
 */
class CaptureReader {
  readonly #started = new Map<string, StartedRow>();
  #sequence = 0;

  /** @returns null for a row with neither command line nor image; without command line it is a report on the image as typed, which is what the process was started with */
  report(row: ProcessRow): CommandReport | null {
    const entityId = `${row.host}:${this.#sequence++}`;
    const key = (id: string | undefined) => (id === undefined ? '' : `${row.host}:${id}`);
    const parent = this.#started.get(key(row.parentProcessId));
    const parentIsKnown =
      parent !== undefined &&
      (row.parentImage === undefined || parent.row.image?.toLowerCase() === row.parentImage.toLowerCase());
    const parentId = parentIsKnown ? parent.entityId : undefined;
    if (row.processId !== undefined) this.#started.set(key(row.processId), { row, entityId, parentId });
    const line = row.commandLine ?? row.image;
    if (line === undefined) return null;
    return {
      artifact: { kind: 'command-line', text: line },
      process: {
        entity_id: entityId,
        ...described(row.image, line),
        parent: {
          ...(parentId !== undefined && { entity_id: parentId }),
          ...described(
            row.parentImage ?? parent?.row.image,
            row.parentCommandLine ?? parent?.row.commandLine,
          ),
        },
      },
      events: lineage(parentId, this.#started),
    };
  }
}

const processStarts = new Set([1, 4688]);

/** Reports of telemetry, whichever captures its rows are of. */
export class CaptureReaders {
  readonly #readers = new Map<string, CaptureReader>();

  /** @returns null where the row is no start of a process, or says nothing of it */
  report(row: Readonly<Record<string, unknown>>): CommandReport | null {
    if (!processStarts.has(Number(row['EventID']))) return null;
    const process = processRow(row);
    const reader = this.#readers.get(process.capture) ?? new CaptureReader();
    this.#readers.set(process.capture, reader);
    return reader.report(process);
  }
}

function lineage(
  fromId: string | undefined,
  started: ReadonlyMap<string, StartedRow>,
): NonNullable<Report['events']> {
  const byEntity = new Map(Array.from(started.values(), (entry) => [entry.entityId, entry] as const));
  const events: NonNullable<Report['events']> = [];
  let entry = fromId === undefined ? undefined : byEntity.get(fromId);
  while (entry !== undefined && events.length < 16) {
    const { row, entityId, parentId } = entry;
    const parent = {
      ...(parentId !== undefined && { entity_id: parentId }),
      ...described(row.parentImage, undefined),
    };
    events.push({
      event: { category: ['process'], type: ['start'] },
      process: { entity_id: entityId, ...described(row.image, row.commandLine), parent },
    });
    entry = parentId === undefined ? undefined : byEntity.get(parentId);
  }
  return events;
}

const shells = {
  cmd: 'C:\\Windows\\System32\\cmd.exe',
  powershell: 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe',
} as const;
export type Setting = 'bare' | keyof typeof shells;

/**
 * A command as documentation or a test definition writes it, in a setting: `bare`, or typed into a shell that the user
 * opened from the desktop. Benign and hostile commands are put into the same settings, so that a setting says nothing.
 */
export function documentedCommand(commandLine: string, setting: Setting): CommandReport {
  const line = asTyped(commandLine) ?? '';
  const artifact = { kind: 'command-line', text: line } as const;
  if (setting === 'bare') return { artifact };
  const program = /^[\w-]+/.exec(line.replace(/\.exe\b/i, ''))?.[0];
  const shell = shells[setting];
  return {
    artifact,
    process: {
      executable: program === undefined ? shell : `C:\\Windows\\System32\\${program}.exe`,
      command_line: line,
      parent: { entity_id: 'shell', executable: shell, command_line: `"${shell}"` },
    },
    events: [
      {
        event: { category: ['process'], type: ['start'] },
        process: {
          entity_id: 'shell',
          executable: shell,
          parent: { executable: 'C:\\Windows\\explorer.exe' },
        },
      },
    ],
  };
}

/** A program with the command line that it was started by. */
export interface Started {
  readonly executable: string;
  readonly command_line: string;
}

/** A command in a lineage, the parent first: how our own list of ordinary commands describes who starts them. */
export function commandInLineage(started: Started, lineage: readonly Started[]): CommandReport {
  const chain = lineage.map((process, index) => ({ entity_id: `above-${index}`, ...process }));
  return {
    artifact: { kind: 'command-line', text: started.command_line },
    process: { ...started, ...(chain[0] !== undefined && { parent: chain[0] }) },
    events: chain.map((process, index) => {
      const parent = chain[index + 1];
      return {
        event: { category: ['process'], type: ['start'] },
        process: { ...process, ...(parent !== undefined && { parent }) },
      };
    }),
  };
}
