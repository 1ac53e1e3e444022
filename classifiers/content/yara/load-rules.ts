import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { FirebreakError } from '../../../contracts/errors.ts';
import { listFiles } from '../../folder-files.ts';
import { findProblems, type CompileProblem } from './engine.ts';
import { ruleFiles } from './rule-files.ts';
import { ruleAt, splitRules, withoutRules, type RuleText } from './split-rules.ts';

/** A rule or file that cannot be used. */
export interface RejectedYaraRule {
  readonly file: string;
  readonly line: number;
  readonly reason: string;
}

export interface LoadedYaraRules {
  /** All rules that can be used, ready to compile: one text for each folder, whose global rules hold for it alone. */
  readonly sources: readonly string[];
  readonly rules: number;
  readonly files: number;
  readonly rejected: readonly RejectedYaraRule[];
  /** SHA-256 over every file that was read; changes whenever an answer could. */
  readonly digest: string;
}

const { maximalFiles, maximalFileBytes } = ruleFiles;
/** Of one file; each costs another compilation. */
const mostRejectedRules = 200;

/**
 * Reads every `*.yar` and `*.yara` below the folders, in the order of their names. A rule that cannot be used is listed with
 * file, line and reason and left out; the others of its file stay. Of two rules with one name in one folder the first stands.
 * @throws FB_CONFIG_INVALID where a folder cannot be read or holds too many files
 */
export async function loadYaraRules(folders: readonly string[]): Promise<LoadedYaraRules> {
  const sources: string[] = [];
  const rejected: RejectedYaraRule[] = [];
  const parts: string[] = [];
  let [rules, files] = [0, 0];
  for (const folder of folders) {
    const names = new Map<string, string>();
    const texts: string[] = [];
    for (const file of await listFiles(folder, ruleFiles)) {
      const text = await readFile(file, 'utf8').catch(() => undefined);
      if (text === undefined) continue;
      files += 1;
      if (files > maximalFiles) {
        const detail = `The folders of ${ruleFiles.settings} hold more than ${maximalFiles} rule files: name fewer.`;
        throw new FirebreakError('FB_CONFIG_INVALID', detail);
      }
      parts.push(relative(folder, file).replaceAll(sep, '/'), hash('sha256', text));
      const read = readSource(text, names);
      rejected.push(...read.rejected.map((problem) => ({ file, ...problem })));
      for (const { name, firstLine } of read.rules) names.set(name, `${file}:${firstLine}`);
      rules += read.rules.length;
      if (read.rules.length > 0) texts.push(read.text);
    }
    if (texts.length > 0) sources.push(texts.join('\n'));
  }
  return { sources, rules, files, rejected, digest: hash('sha256', parts.join('\0')) };
}

type Problem = Omit<RejectedYaraRule, 'file'>;

interface ReadSource {
  readonly text: string;
  readonly rules: readonly RuleText[];
  readonly rejected: readonly Problem[];
}

function readSource(text: string, taken: ReadonlyMap<string, string>): ReadSource {
  if (Buffer.byteLength(text) > maximalFileBytes) {
    const reason = `the file is larger than ${maximalFileBytes} bytes`;
    return { text: '', rules: [], rejected: [{ line: 1, reason }] };
  }
  const all = splitRules(text);
  const left = new Map<RuleText, Problem>();
  for (const rule of all) {
    const reason = refusal(rule, taken);
    if (reason !== undefined) left.set(rule, { line: rule.firstLine, reason });
  }
  for (;;) {
    const remaining = withoutRules(text, left.keys());
    const problems = findProblems(remaining);
    const rules = all.filter((rule) => !left.has(rule));
    if (problems.length === 0) return { text: remaining, rules, rejected: [...left.values()] };
    const before = left.size;
    for (const { line, column, reason } of problems) {
      const rule = ruleAt(rules, text, line, column);
      if (rule && !left.has(rule)) left.set(rule, { line, reason });
    }
    if (left.size === before || left.size > mostRejectedRules) {
      return { text: '', rules: [], rejected: [...left.values(), wholeFile(problems[0])] };
    }
  }
}

function refusal({ name, isGlobal }: RuleText, taken: ReadonlyMap<string, string>): string | undefined {
  const other = taken.get(name);
  if (other !== undefined) return `a rule of the name ${name} stands in ${other}`;
  return isGlobal
    ? 'a global rule would silence the rules of other files: write its condition into the rules that need it'
    : undefined;
}

function wholeFile(problem: CompileProblem | undefined): Problem {
  return {
    line: problem?.line ?? 1,
    reason: `the whole file is left out: ${problem?.reason ?? 'it cannot be compiled'}`,
  };
}
