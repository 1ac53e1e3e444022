import { hash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { FirebreakError } from '../contracts/errors.ts';
import { inTurns } from './in-turns.ts';

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
    const found = new Map<string, string>();
    for (const folder of folders)
      for (const path of await listFiles(folder, this.#options))
        if (!found.has(path)) found.set(path, folder);
    if (found.size > maximalFiles)
      throw new FirebreakError(
        'FB_CONFIG_INVALID',
        `The folders of ${settings} hold more than ${maximalFiles} ${holds} files: name fewer.`,
      );
    const places = [...found].map(([path, folder]) => ({ path, folder }));
    for (let from = 0; from < places.length; from += filesAtOnce) {
      const texts = await Promise.all(
        places.slice(from, from + filesAtOnce).map((place) => readText(place, before.get(place.path))),
      );
      await inTurns(this.#parse(texts, kept));
    }
    this.#kept = kept;
    const same = kept.size === before.size && [...kept].every(([path, one]) => before.get(path) === one);
    if (!same || this.#files === undefined) this.#files = Array.from(kept.values(), ({ file }) => file);
    return this.#files;
  }

  /** Parsing is what takes long: the event loop has its turn between two files. */
  *#parse(
    texts: readonly (FolderText | Kept<Read> | undefined)[],
    into: Map<string, Kept<Read>>,
  ): Generator<undefined, void, undefined> {
    const { maximalFileBytes, parse, tooLarge } = this.#options;
    for (const text of texts) {
      if (text === undefined) continue;
      if ('file' in text) {
        into.set(text.file.path, text);
        continue;
      }
      const { path, folder, stamp, source } = text;
      const read =
        source.length <= maximalFileBytes
          ? parse(path, source)
          : tooLarge(path, `the file is larger than ${maximalFileBytes} bytes`);
      const name = relative(folder, path).replaceAll(sep, '/');
      into.set(path, { stamp, file: { path, folder, name, digest: hash('sha256', source), read } });
      yield;
    }
  }
}

interface Place {
  readonly path: string;
  readonly folder: string;
}

interface FolderText extends Place {
  readonly stamp: string;
  readonly source: string;
}

/** Enough that reading does not wait for one file after the other. */
const filesAtOnce = 32;

/** @returns what was read before where it would be the same; undefined where the file is gone since the folder was listed */
async function readText<Read>(
  { path, folder }: Place,
  before: Kept<Read> | undefined,
): Promise<FolderText | Kept<Read> | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) return undefined;
  const stamp = `${about.ino} ${about.size} ${about.mtimeMs} ${about.ctimeMs}`;
  if (before?.stamp === stamp) return before;
  const source = await readFile(path, 'utf8').catch(() => undefined);
  return source === undefined ? undefined : { path, folder, stamp, source };
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
