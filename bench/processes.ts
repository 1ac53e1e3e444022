import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts CPU in ticks of 10 ms (`getconf CLK_TCK`). */
const tickUs = 10_000;
const pageBytes = 4096;

interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly name: string;
  /** User and system time of the process and of its reaped children, in microseconds. */
  readonly cpuUs: number;
  readonly residentBytes: number;
}

function factsOf(pid: number): ProcessFacts | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const close = stat.lastIndexOf(')');
    const fields = stat
      .slice(close + 2)
      .split(' ')
      .map(Number);
    const [user = 0, system = 0, reapedUser = 0, reapedSystem = 0] = fields.slice(11, 15);
    return {
      pid,
      parent: fields[1] ?? 0,
      name: stat.slice(stat.indexOf('(') + 1, close),
      cpuUs: (user + system + reapedUser + reapedSystem) * tickUs,
      residentBytes: (fields[21] ?? 0) * pageBytes,
    };
  } catch {
    return null;
  }
}

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
  for (const { pid, name: command, cpuUs, residentBytes } of familyOf(root)) {
    const name = nameOf({ pid, command });
    const before = used.get(name) ?? { cpuUs: 0, residentBytes: 0 };
    used.set(name, {
      cpuUs: before.cpuUs + cpuUs,
      residentBytes: before.residentBytes + residentBytes,
    });
  }
  return used;
}

function familyOf(root: number): readonly ProcessFacts[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => factsOf(Number(name)) ?? []);
  const family = new Set([root]);
  for (let size = 0; size < family.size;) {
    size = family.size;
    for (const { pid, parent } of all) if (family.has(parent)) family.add(pid);
  }
  return all.filter(({ pid }) => family.has(pid));
}
