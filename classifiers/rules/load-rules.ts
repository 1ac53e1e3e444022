import { hash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { FirebreakError } from '../../contracts/errors.ts';
import { fieldAliases, taxonomies } from './field-map.ts';
import { inTurns } from './in-turns.ts';
import { linkRules } from './sigma/link-rules.ts';
import type { ReadOptions, ReadResult, RejectedRule } from './sigma/read-rules.ts';
import { readRules } from './sigma/read-rules.ts';
import type { CorrelationRule, SigmaRule } from './sigma/rule.ts';

export interface LoadedRules {
  readonly rules: readonly SigmaRule[];
  /** Each after the correlations that it refers to. */
  readonly correlations: readonly CorrelationRule[];
  /** Ids of the rules and correlations that are tried: they are evaluated and told, and add nothing. */
  readonly simulated: ReadonlySet<string>;
  readonly rejected: readonly RejectedRule[];
  readonly files: number;
  /** SHA-256 over every file that was read; changes whenever an answer could. */
  readonly digest: string;
}

export interface LoadOptions extends ReadOptions {
  /** Folders whose rules are tried, read after the others. */
  readonly simulated?: readonly string[];
}

const maximalFileBytes = 1_048_576;
const maximalFiles = 20_000;

interface RuleFile {
  /** Path, size and time of change: reading it again would give the same. */
  readonly stamp: string;
  readonly digest: string;
  readonly read: ReadResult;
}

/**
 * Folders of rules that can be read again and again: what did not change is not parsed twice.
 * Every `*.yml` and `*.yaml` below the folders is read, in the order of their names. Documents that cannot be used are
 * listed and left out; of two rules with one id the first stands.
 */
export class RuleFolders {
  readonly #folders: readonly string[];
  readonly #options: LoadOptions;
  #files: ReadonlyMap<string, RuleFile> = new Map();
  #loaded: LoadedRules | undefined;

  constructor(folders: readonly string[], options: LoadOptions = {}) {
    this.#folders = folders;
    this.#options = options;
  }

  /**
   * Reads what changed since the time before.
   * @returns the same object as the time before where no file changed
   * @throws FB_CONFIG_INVALID where a folder cannot be read or holds too many files; what was loaded before stays as it is
   */
  async load(): Promise<LoadedRules> {
    const { simulated = [] } = this.#options;
    const before = this.#files;
    const folders = await this.#list();
    const files = new Map<string, RuleFile>();
    const onTrial = new Set<string>();
    const parts: string[] = [];
    const paths = [...folders.keys()];
    for (let from = 0; from < paths.length; from += filesAtOnce) {
      const some = paths.slice(from, from + filesAtOnce);
      const texts = await Promise.all(some.map((path) => readText(path, before.get(path))));
      await inTurns(this.#parse(some, texts, files));
    }
    for (const [path, { digest }] of files) {
      const folder = folders.get(path) ?? '';
      if (simulated.includes(folder)) onTrial.add(path);
      parts.push(relative(folder, path).replaceAll(sep, '/'), digest, String(onTrial.has(path)));
    }
    this.#files = files;
    const same = files.size === before.size && [...files].every(([path, file]) => before.get(path) === file);
    if (same && this.#loaded !== undefined) return this.#loaded;
    const linked = linkRules(
      [...files].map(([path, { read }]) => (onTrial.has(path) ? withoutFilters(read) : read)),
    );
    this.#loaded = {
      ...linked,
      simulated: simulatedIds(linked, onTrial),
      files: files.size,
      digest: hash('sha256', parts.join('\0')),
    };
    return this.#loaded;
  }

  /** @returns each file with the first folder that holds it, in the order in which they are read */
  async #list(): Promise<ReadonlyMap<string, string>> {
    const folders = new Map<string, string>();
    for (const folder of [...this.#folders, ...(this.#options.simulated ?? [])])
      for (const path of await listRuleFiles(folder)) if (!folders.has(path)) folders.set(path, folder);
    if (folders.size > maximalFiles)
      throw new FirebreakError(
        'FB_CONFIG_INVALID',
        `The folders of FIREBREAK_RULE_DIRS and FIREBREAK_SIMULATED_RULE_DIRS hold more than ${maximalFiles} rule files: name fewer.`,
      );
    return folders;
  }

  *#parse(
    paths: readonly string[],
    texts: readonly (RuleFile | RuleText | undefined)[],
    into: Map<string, RuleFile>,
  ): Generator<undefined, void, undefined> {
    for (const [index, path] of paths.entries()) {
      const text = texts[index];
      if (text === undefined) continue;
      into.set(path, 'read' in text ? text : parsed(path, text, this.#options));
      yield;
    }
  }
}

interface RuleText {
  readonly stamp: string;
  readonly source: string;
}

/** Enough that reading does not wait for one file after the other. */
const filesAtOnce = 32;

/** @returns what was read before where it would be the same; undefined where the file is gone since the folder was listed */
async function readText(
  path: string,
  before: RuleFile | undefined,
): Promise<RuleFile | RuleText | undefined> {
  const about = await stat(path).catch(() => undefined);
  if (about === undefined) return undefined;
  const stamp = `${about.ino} ${about.size} ${about.mtimeMs} ${about.ctimeMs}`;
  if (before?.stamp === stamp) return before;
  const source = await readFile(path, 'utf8').catch(() => undefined);
  return source === undefined ? undefined : { stamp, source };
}

function parsed(path: string, { stamp, source }: RuleText, options: ReadOptions): RuleFile {
  const digest = hash('sha256', source);
  if (source.length <= maximalFileBytes) return { stamp, digest, read: readRules(path, source, options) };
  const reason = `the file is larger than ${maximalFileBytes} bytes`;
  const read = { rules: [], correlations: [], filters: [], rejected: [{ file: path, line: 1, reason }] };
  return { stamp, digest, read };
}

/** Reads folders of rules once, with the field names of all schemas that the service knows. */
export function loadRules(folders: readonly string[], options: LoadOptions = {}): Promise<LoadedRules> {
  return ruleFolders(folders, options).load();
}

/** Folders of rules with the field names of all schemas that the service knows. */
export function ruleFolders(folders: readonly string[], options: LoadOptions = {}): RuleFolders {
  return new RuleFolders(folders, { fieldAliases, taxonomies, ...options });
}

/** A filter that is tried would weaken rules that are not, so that there is no such thing. */
function withoutFilters({ filters, rejected, ...read }: ReadResult): ReadResult {
  const reason = 'a filter cannot be tried: put it into a folder of FIREBREAK_RULE_DIRS';
  return {
    ...read,
    filters: [],
    rejected: [...rejected, ...filters.map(({ file, line }) => ({ file, line, reason }))],
  };
}

/** What rests on a rule that is tried is tried itself. */
function simulatedIds(
  { rules, correlations }: Pick<LoadedRules, 'rules' | 'correlations'>,
  onTrial: ReadonlySet<string>,
): ReadonlySet<string> {
  const ids = new Set<string>();
  for (const { id, file } of rules) if (onTrial.has(file)) ids.add(id);
  for (const { id, file, references } of correlations)
    if (onTrial.has(file) || references.some((reference) => ids.has(reference))) ids.add(id);
  return ids;
}

/** @throws FB_CONFIG_INVALID where the folder cannot be read */
export async function listRuleFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    const detail = `The rule folder ${folder} cannot be read: name a folder that exists in FIREBREAK_RULE_DIRS or FIREBREAK_SIMULATED_RULE_DIRS.`;
    throw new FirebreakError('FB_CONFIG_INVALID', detail, { cause });
  });
  return entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/iu.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
