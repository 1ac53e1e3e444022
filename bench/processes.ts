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

/** What a process and all that descend from it have used, split into the service itself and PostgreSQL. */
export interface Usage {
  readonly serviceCpuUs: number;
  readonly postgresCpuUs: number;
  readonly serviceResidentBytes: number;
}

/** @param root the service; processes below it that are named postgres (or start it) count as PostgreSQL */
export function usageOf(root: number): Usage {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => factsOf(Number(name)) ?? []);
  const family = new Map([[root, true]]);
  for (let grown = true; grown;) {
    grown = false;
    for (const { pid, parent } of all) {
      if (family.has(parent) && !family.has(pid)) {
        family.set(pid, true);
        grown = true;
      }
    }
  }
  const members = all.filter(({ pid }) => family.has(pid));
  const isPostgres = ({ name, pid }: ProcessFacts) => pid !== root && (name === 'postgres' || name === 'sh');
  const sum = (list: readonly ProcessFacts[]) => list.reduce((total, { cpuUs }) => total + cpuUs, 0);
  return {
    serviceCpuUs: sum(members.filter((member) => !isPostgres(member))),
    postgresCpuUs: sum(members.filter(isPostgres)),
    serviceResidentBytes: members.find(({ pid }) => pid === root)?.residentBytes ?? 0,
  };
}
