import type { EcsProcess } from '../../contracts/ecs.ts';
import type { Report } from '../../contracts/report.ts';

/** What is known of a process that stands above another. */
export interface Ancestor {
  readonly executable: string | undefined;
  readonly commandLine: string | undefined;
}

/** One process and where it came from: what a behaviour is judged by. */
export interface ObservedProcess {
  readonly entityId: string | undefined;
  readonly commandLine: string;
  readonly executable: string | undefined;
  /** The parent first, then what stands above it; empty when nothing is known. */
  readonly lineage: readonly Ancestor[];
}

const maxAncestors = 8;
const maxObserved = 64;

/** Every process that the report names, by entity id: each stands once in `events`, as the wire contract has it. */
function processesById(report: Pick<Report, 'process' | 'events'>): ReadonlyMap<string, EcsProcess> {
  const byId = new Map<string, EcsProcess>();
  const add = (process: EcsProcess | undefined) => {
    const id = process?.entity_id;
    if (process === undefined || id === undefined) return;
    const before = byId.get(id);
    if (before?.executable === undefined || process.executable !== undefined)
      byId.set(id, { ...before, ...process });
  };
  report.events?.forEach((event) => add(event.process));
  add(report.process?.parent);
  add(report.process);
  return byId;
}

function parentOf(process: EcsProcess, byId: ReadonlyMap<string, EcsProcess>): EcsProcess | undefined {
  const named = process.parent;
  const found = named?.entity_id === undefined ? undefined : byId.get(named.entity_id);
  return found === undefined ? named : { ...named, ...found };
}

/** Bounded by depth: a report may name its processes in a circle. */
function lineageOf(process: EcsProcess, byId: ReadonlyMap<string, EcsProcess>): readonly EcsProcess[] {
  const lineage: EcsProcess[] = [];
  let next = parentOf(process, byId);
  while (next !== undefined && lineage.length < maxAncestors) {
    lineage.push(next);
    next = parentOf(next, byId);
  }
  return lineage;
}

function observe(
  process: EcsProcess,
  commandLine: string,
  byId: ReadonlyMap<string, EcsProcess>,
): ObservedProcess {
  const lineage = lineageOf(process, byId);
  return {
    entityId: process.entity_id,
    commandLine,
    executable: process.executable,
    lineage: lineage.map(({ executable, command_line }) => ({ executable, commandLine: command_line })),
  };
}

/** Whether the file of the report is the image of its process: what that process does then speaks about the file. */
function runsTheFile({ artifact, file, process }: Pick<Report, 'artifact' | 'file' | 'process'>): boolean {
  const [fileHash, imageHash] = [artifact.hash?.sha256, process?.hash?.sha256];
  if (fileHash !== undefined && imageHash !== undefined) return fileHash === imageHash;
  return file?.path !== undefined && file.path.toLowerCase() === process?.executable?.toLowerCase();
}

/**
 * @returns the processes whose behaviour speaks about the artifact. A command line: the process that it started. A file:
 * the process whose image it is and what that process started, as far as the report's events tell; none when the
 * report's process only touched the file.
 */
export function observedProcesses(
  report: Pick<Report, 'artifact' | 'file' | 'process' | 'events'>,
): readonly ObservedProcess[] {
  const { artifact, process } = report;
  const byId = processesById(report);
  if (artifact.kind === 'command-line') {
    const text = artifact.text ?? process?.command_line;
    return text === undefined ? [] : [observe(process ?? {}, text, byId)];
  }
  if (artifact.kind !== 'file' || process === undefined || !runsTheFile(report)) return [];
  const rootId = process.entity_id;
  const started =
    rootId === undefined
      ? []
      : [...byId.values()].filter((other) =>
          lineageOf(other, byId).some(({ entity_id: id }) => id === rootId),
        );
  return [process, ...started.filter((other) => other.entity_id !== rootId)]
    .slice(0, maxObserved)
    .flatMap((one) => (one.command_line === undefined ? [] : [observe(one, one.command_line, byId)]));
}
