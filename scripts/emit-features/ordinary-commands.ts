import { z } from 'zod';
import { commandInLineage, type CommandReport, type Started } from '../to-reports/commands.ts';

const listSchema = z.object({
  /** How programs that start others are started themselves, by file name. */
  startedAs: z.record(z.string(), z.array(z.string()).min(1)),
  /** Where programs are that are named without a folder and are not of the operating system. */
  programsAt: z.record(z.string(), z.string()),
  groups: z.array(
    z.object({
      name: z.string(),
      /** Who starts the lines, the parent first; each line is started by each. */
      lineages: z.array(z.array(z.string())).min(1),
      lines: z.array(z.string()),
    }),
  ),
});

interface OrdinaryCommand {
  readonly report: CommandReport;
  readonly group: string;
  /** Of the line in its group. */
  readonly index: number;
}

/** @returns each line of the list under each of those that start it, whose own command lines take turns */
export function* ordinaryCommands(list: unknown): Generator<OrdinaryCommand> {
  const { startedAs, programsAt, groups } = listSchema.parse(list);
  const started = (executable: string, turn: number): Started => {
    const lines = startedAs[executable.slice(executable.lastIndexOf('\\') + 1)] ?? [`"${executable}"`];
    return { executable, command_line: lines[turn % lines.length] ?? executable };
  };
  for (const { name: group, lineages, lines } of groups)
    for (const [index, line] of lines.entries())
      for (const [turn, lineage] of lineages.entries()) {
        const process = { executable: programOf(line, programsAt), command_line: line };
        const above = lineage.map((executable) => started(executable, index + turn));
        yield { report: commandInLineage(process, above), group, index };
      }
}

function programOf(line: string, programsAt: Readonly<Record<string, string>>): string {
  const program = /^"([^"]+)"|^(\S+)/.exec(line);
  const name = program?.[1] ?? program?.[2] ?? '';
  const named = /\.[a-z]{3}$/i.test(name) ? name : `${name}.exe`;
  if (named.includes('\\')) return named;
  return programsAt[named.slice(0, -'.exe'.length).toLowerCase()] ?? `C:\\Windows\\System32\\${named}`;
}
