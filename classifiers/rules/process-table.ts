import type { EcsProcess } from '../../contracts/ecs.ts';
import type { Report } from '../../contracts/report.ts';

export interface KnownProcess {
  readonly process: EcsProcess;
  /** Its place in the report: the device's own number would make equal reports of two devices differ. */
  readonly guid: string;
}
/** The processes that a report names, by the device's ids of them. */
export type ProcessTable = ReadonlyMap<string, KnownProcess>;

/** Each process stands once, with the fullest facts that any entry gives of it. */
export function processTable(report: Report): ProcessTable {
  const table = new Map<string, KnownProcess>();
  const add = (process: EcsProcess | undefined): void => {
    if (process === undefined) return;
    const { entity_id: id } = process;
    const known = id === undefined ? undefined : table.get(id);
    const guid = known?.guid ?? `process-${table.size + 1}`;
    if (id !== undefined) table.set(id, { process: { ...known?.process, ...process }, guid });
    add(process.parent);
  };
  for (const event of report.events ?? []) add(event.process);
  add(report.process);
  return table;
}

/**
 * Facts of a process that an entry only names are cut: five hundred entries may name one process, and what its own
 * entry tells is read whole.
 */
const inheritedLength = 1_024;

/** @returns the process with what the report tells of it elsewhere */
export function resolve(process: EcsProcess | undefined, table: ProcessTable): EcsProcess | undefined {
  const known = process?.entity_id === undefined ? undefined : table.get(process.entity_id)?.process;
  return known === undefined ? process : { ...shortened(known), ...process };
}

function shortened(process: EcsProcess): EcsProcess {
  const { executable, command_line, working_directory } = process;
  return {
    ...process,
    ...(executable === undefined ? {} : { executable: executable.slice(0, inheritedLength) }),
    ...(command_line === undefined ? {} : { command_line: command_line.slice(0, inheritedLength) }),
    ...(working_directory === undefined
      ? {}
      : { working_directory: working_directory.slice(0, inheritedLength) }),
  };
}

/** @returns the ids of the processes above the reported one, as far as the report names them */
export function ancestorsOf({ process }: Report, table: ProcessTable): ReadonlySet<string> {
  const ancestors = new Set<string>();
  let id = process?.parent?.entity_id ?? table.get(process?.entity_id ?? '')?.process.parent?.entity_id;
  while (id !== undefined && id !== process?.entity_id && !ancestors.has(id)) {
    ancestors.add(id);
    id = table.get(id)?.process.parent?.entity_id;
  }
  return ancestors;
}
