import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** @returns paths of all files of the project that are, or are about to be, under version control */
export function projectFiles(): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], {
    encoding: 'utf8',
  });
  return [...new Set(listed.split('\n'))].filter((path) => path !== '').sort();
}

export function read(path: string): string {
  return readFileSync(path, 'utf8');
}
