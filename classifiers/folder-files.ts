import { hash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { FirebreakError } from '../contracts/errors.ts';

export interface FolderFilesOptions<Read> {
  readonly folders: readonly string[];
  /** Which files are read, by their name. */
  readonly pattern: RegExp;
  /** What the files hold and the settings that name their folders, for errors. */
  readonly holds: string;
  readonly settings: string;
  readonly maximalFiles: number;
  readonly maximalFileBytes: number;
  readonly parse: (path: string, source: string) => Read;
  /** What stands for a file that is larger. */
  readonly tooLarge: (path: string, reason: string) => Read;
}

export interface FolderFile<Read> {
  readonly path: string;
  readonly folder: string;
  /** Path below the folder, with slashes. */
  readonly name: string;
  /** SHA-256 of the file's text. */
  readonly digest: string;
  readonly read: Read;
}

interface Kept<Read> {
  /** Path, size and time of change: reading it again would give the same. */
  readonly stamp: string;
  readonly file: FolderFile<Read>;
}

/** Folders of files that can be read again and again: what did not change is not parsed twice. */
export class FolderFiles<Read> {
  readonly #options: FolderFilesOptions<Read>;
  #kept: ReadonlyMap<string, Kept<Read>> = new Map();
  #files: readonly FolderFile<Read>[] | undefined;

  constructor(options: FolderFilesOptions<Read>) {
    this.#options = options;
  }

  /**
   * Every file below the folders, each once, in the order of the folders and of their names.
   * @returns the same array as the time before where no file changed
   * @throws FB_CONFIG_INVALID where a folder cannot be read or holds too many files; what was read before is kept
   */
  async load(): Promise<readonly FolderFile<Read>[]> {
    const { folders, holds, settings, maximalFiles } = this.#options;
    const before = this.#kept;
    const kept = new Map<string, Kept<Read>>();
    for (const folder of folders) {
      for (const path of await listFiles(folder, this.#options)) {
        if (kept.has(path)) continue;
        if (kept.size === maximalFiles)
          throw new FirebreakError(
            'FB_CONFIG_INVALID',
            `The folders of ${settings} hold more than ${maximalFiles} ${holds} files: name fewer.`,
          );
        const one = await this.#read(folder, path, before.get(path));
        if (one !== undefined) kept.set(path, one);
      }
    }
    this.#kept = kept;
    const same = kept.size === before.size && [...kept].every(([path, one]) => before.get(path) === one);
    if (!same || this.#files === undefined) this.#files = Array.from(kept.values(), ({ file }) => file);
    return this.#files;
  }

  /** @returns undefined where the file is gone since the folder was listed */
  async #read(folder: string, path: string, before: Kept<Read> | undefined): Promise<Kept<Read> | undefined> {
    const { maximalFileBytes, parse, tooLarge } = this.#options;
    const about = await stat(path).catch(() => undefined);
    if (about === undefined) return undefined;
    const stamp = `${about.ino} ${about.size} ${about.mtimeMs} ${about.ctimeMs}`;
    if (before?.stamp === stamp) return before;
    const source = await readFile(path, 'utf8').catch(() => undefined);
    if (source === undefined) return undefined;
    const read =
      source.length <= maximalFileBytes
        ? parse(path, source)
        : tooLarge(path, `the file is larger than ${maximalFileBytes} bytes`);
    const name = relative(folder, path).replaceAll(sep, '/');
    return { stamp, file: { path, folder, name, digest: hash('sha256', source), read } };
  }
}

/**
 * Files below a folder, in the order of their names.
 * @throws FB_CONFIG_INVALID where the folder cannot be read
 */
export async function listFiles(
  folder: string,
  { holds, settings, pattern }: Pick<FolderFilesOptions<unknown>, 'holds' | 'settings' | 'pattern'>,
): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    const detail = `The ${holds} folder ${folder} cannot be read: name a folder that exists in ${settings}.`;
    throw new FirebreakError('FB_CONFIG_INVALID', detail, { cause });
  });
  return entries
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
