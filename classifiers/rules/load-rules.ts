import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { FirebreakError } from '../../contracts/errors.ts';
import { fieldAliases } from './field-map.ts';
import type { ReadOptions, RejectedRule } from './sigma/read-rules.ts';
import { readRules } from './sigma/read-rules.ts';
import type { SigmaRule } from './sigma/rule.ts';

export interface LoadedRules {
  readonly rules: readonly SigmaRule[];
  readonly rejected: readonly RejectedRule[];
  readonly files: number;
  /** SHA-256 over every file that was read; changes whenever an answer could. */
  readonly digest: string;
}

const maximalFileBytes = 1_048_576;
const maximalFiles = 20_000;

/**
 * Reads every `*.yml` and `*.yaml` below the folders, in the order of their names. Rules that cannot be used are listed
 * and left out; of two rules with one id the first stands.
 *
 * @throws FB_CONFIG_INVALID where a folder cannot be read or holds too many files
 */
export async function loadRules(folders: readonly string[], options: ReadOptions = {}): Promise<LoadedRules> {
  const rules = new Map<string, SigmaRule>();
  const rejected: RejectedRule[] = [];
  const digest = createHash('sha256');
  let files = 0;
  for (const folder of folders) {
    for (const path of await listRuleFiles(folder)) {
      files += 1;
      if (files > maximalFiles)
        throw new FirebreakError(
          'FB_CONFIG_INVALID',
          `The folders of FIREBREAK_RULE_DIRS hold more than ${maximalFiles} rule files: name fewer.`,
        );
      const source = await readFile(path, 'utf8');
      digest.update(relative(folder, path).replaceAll(sep, '/')).update('\0').update(source).update('\0');
      if (source.length > maximalFileBytes) {
        rejected.push({ file: path, line: 1, reason: `the file is larger than ${maximalFileBytes} bytes` });
        continue;
      }
      const read = readRules(path, source, { fieldAliases, ...options });
      rejected.push(...read.rejected);
      for (const rule of read.rules) {
        const other = rules.get(rule.id);
        if (other === undefined) rules.set(rule.id, rule);
        else
          rejected.push({
            file: path,
            line: rule.line,
            reason: `the id ${rule.id} is taken by ${other.file}`,
          });
      }
    }
  }
  return { rules: [...rules.values()], rejected, files, digest: digest.digest('hex') };
}

async function listRuleFiles(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    const detail = `The rule folder ${folder} cannot be read: name a folder that exists in FIREBREAK_RULE_DIRS.`;
    throw new FirebreakError('FB_CONFIG_INVALID', detail, { cause });
  });
  return entries
    .filter((entry) => entry.isFile() && /\.ya?ml$/iu.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
