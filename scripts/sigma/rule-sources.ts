import { readFile, stat } from 'node:fs/promises';
import { fieldAliases, taxonomies } from '../../classifiers/rules/field-map.ts';
import { listRuleFiles } from '../../classifiers/rules/load-rules.ts';
import type { Placeholders } from '../../classifiers/rules/sigma/detection-item.ts';
import { linkRules, type LinkedRules } from '../../classifiers/rules/sigma/link-rules.ts';
import { readParsedRule, readRules, type ReadOptions } from '../../classifiers/rules/sigma/read-rules.ts';
import type { ReadResult } from '../../classifiers/rules/sigma/read-rules.ts';
import { readJsonLines } from '../to-reports/rows.ts';

/**
 * Reads rules from folders and files of YAML, and from tables of JSON lines, each `{"path": …, "rule": …}` or a rule by
 * itself.
 */
export async function readRuleSources(
  paths: readonly string[],
  placeholders: Placeholders,
): Promise<LinkedRules> {
  const options = { fieldAliases, taxonomies, placeholders };
  const reads: ReadResult[] = [];
  for (const path of paths) {
    if (/\.jsonl(?:\.gz)?$/.test(path)) reads.push(...(await readTable(path, options)));
    else {
      const files = (await stat(path)).isDirectory() ? await listRuleFiles(path) : [path];
      for (const file of files) reads.push(readRules(file, await readFile(file, 'utf8'), options));
    }
  }
  return linkRules(reads);
}

async function readTable(table: string, options: ReadOptions): Promise<readonly ReadResult[]> {
  const reads: ReadResult[] = [];
  for await (const row of readJsonLines(table)) {
    const { rule = row, path } = row;
    const place =
      typeof path === 'string' ? { file: path, line: 1 } : { file: table, line: reads.length + 1 };
    reads.push(readParsedRule(rule, options, place));
  }
  return reads;
}
