import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Processes that work in the folder or were started with its path, each as its id and command. */
export function processesIn(folder: string): readonly string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        const uses = command.includes(folder) || readlinkSync(`/proc/${pid}/cwd`).startsWith(folder);
        return uses ? [`${pid} ${command}`] : [];
      } catch {
        // It has ended since the folder was listed.
        return [];
      }
    });
}
