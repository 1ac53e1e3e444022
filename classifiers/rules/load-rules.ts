import { hash } from 'node:crypto';
import { FolderFiles, listFiles, type FolderFile } from '../folder-files.ts';
import { fieldAliases, taxonomies } from './field-map.ts';
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

const ruleFiles = {
  pattern: /\.ya?ml$/iu,
  holds: 'rule',
  settings: 'FIREBREAK_RULE_DIRS or FIREBREAK_SIMULATED_RULE_DIRS',
};
const nothing: ReadResult = { rules: [], correlations: [], filters: [], rejected: [] };

/**
 * Folders of rules that can be read again and again: what did not change is not parsed twice.
 * Every `*.yml` and `*.yaml` below the folders is read, in the order of their names. Documents that cannot be used are
 * listed and left out; of two rules with one id the first stands.
 */
export class RuleFolders {
  readonly #simulated: readonly string[];
  readonly #files: FolderFiles<ReadResult>;
  #read: readonly FolderFile<ReadResult>[] = [];
  #loaded: LoadedRules | undefined;

  constructor(folders: readonly string[], options: LoadOptions = {}) {
    this.#simulated = options.simulated ?? [];
    this.#files = new FolderFiles({
      folders: [...folders, ...this.#simulated],
      ...{ ...ruleFiles, maximalFiles: 20_000, maximalFileBytes: 1_048_576 },
      parse: (path, source) => readRules(path, source, options),
      tooLarge: (path, reason) => ({ ...nothing, rejected: [{ file: path, line: 1, reason }] }),
    });
  }

  /**
   * Reads what changed since the time before.
   * @returns the same object as the time before where no file changed
   * @throws FB_CONFIG_INVALID where a folder cannot be read or holds too many files; what was loaded before stays as it is
   */
  async load(): Promise<LoadedRules> {
    const files = await this.#files.load();
    if (files === this.#read && this.#loaded !== undefined) return this.#loaded;
    const isTried = ({ folder }: FolderFile<ReadResult>) => this.#simulated.includes(folder);
    const onTrial = new Set(files.filter(isTried).map(({ path }) => path));
    const linked = linkRules(files.map((file) => (isTried(file) ? withoutFilters(file.read) : file.read)));
    const parts = files.flatMap((file) => [file.name, file.digest, String(isTried(file))]);
    this.#read = files;
    this.#loaded = {
      ...linked,
      simulated: simulatedIds(linked, onTrial),
      files: files.length,
      digest: hash('sha256', parts.join('\0')),
    };
    return this.#loaded;
  }
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
export function listRuleFiles(folder: string): Promise<readonly string[]> {
  return listFiles(folder, ruleFiles);
}
