import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** In bytes, of one container since it was made. */
export interface MemoryUse {
  readonly limit: number;
  /** The most that was in use at once, files that could be dropped included. */
  readonly peak: number;
  /** The most without files, by samples: what a limit must hold. */
  readonly anonymousPeak: number;
}

const root = '/sys/fs/cgroup';
const everyMs = 500;

/** Reads the control groups of an engine's containers, of either version. */
export class MemoryWatch {
  readonly #cgroup: string;
  readonly #anonymous = new Map<string, number>();
  readonly #last = new Map<string, MemoryUse>();
  readonly #timer: NodeJS.Timeout;

  constructor(cgroup: string) {
    this.#cgroup = cgroup;
    this.#timer = setInterval(() => this.#sample(), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @param id of the container @returns null when it has never been seen */
  use(id: string): MemoryUse | null {
    return this.#last.get(id) ?? null;
  }

  #sample(): void {
    const first = existsSync(join(root, 'memory', this.#cgroup));
    const parent = join(root, ...(first ? ['memory'] : []), this.#cgroup);
    if (!existsSync(parent)) return;
    for (const id of readdirSync(parent).filter((name) => /^[0-9a-f]{64}$/.test(name))) {
      try {
        this.#keep(id, join(parent, id), first);
      } catch {
        // It has ended since the folder was listed.
      }
    }
  }

  #keep(id: string, folder: string, first: boolean): void {
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
    const number = (name: string): number => Number(read(name));
    const stat = new RegExp(`^${first ? 'total_rss' : 'anon'} (\\d+)$`, 'm').exec(read('memory.stat'));
    const anonymousPeak = Math.max(Number(stat?.[1]), this.#anonymous.get(id) ?? 0);
    this.#anonymous.set(id, anonymousPeak);
    this.#last.set(id, {
      limit: number(first ? 'memory.limit_in_bytes' : 'memory.max'),
      peak: number(first ? 'memory.max_usage_in_bytes' : 'memory.peak'),
      anonymousPeak,
    });
  }
}
