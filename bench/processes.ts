import { familyOf } from '../scripts/servers/process-family.ts';

/** Linux counts CPU in ticks of 10 ms (`getconf CLK_TCK`). */
const tickUs = 10_000;
const pageBytes = 4096;

/** What processes have used. */
export interface Usage {
  /** User and system time, in microseconds. */
  readonly cpuUs: number;
  readonly residentBytes: number;
}

/** @returns what the process and all that descend from it have used so far, by the name that `nameOf` gives each */
export function usageOf<Name extends string>(
  root: number,
  nameOf: (process: { readonly pid: number; readonly command: string }) => Name,
): ReadonlyMap<Name, Usage> {
  const used = new Map<Name, Usage>();
  for (const { pid, command, fields } of familyOf(root)) {
    const name = nameOf({ pid, command });
    const before = used.get(name) ?? { cpuUs: 0, residentBytes: 0 };
    // User and system time, its own and that of its reaped children.
    const ticks = fields.slice(11, 15).reduce((sum, each) => sum + each, 0);
    used.set(name, {
      cpuUs: before.cpuUs + ticks * tickUs,
      residentBytes: before.residentBytes + (fields[21] ?? 0) * pageBytes,
    });
  }
  return used;
}
