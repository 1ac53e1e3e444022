import { compile, validate, type CompilerOptions, type YaraX } from '@litko/yara-x';
import type { PartKind } from '../finding.ts';

/**
 * Variables that rules may read. `part` says what is scanned (`PartKind`); the others are the ones that public rules ask
 * for, and always empty: a name or a path is somebody's word, and what a rule finds here is content.
 */
const variables = { part: 'sample', filename: '', filepath: '', extension: '', filetype: '', owner: '' };

/**
 * Includes would read any file. Patterns and loops that are slow are refused: a scan runs in native code, which no limit
 * of a worker can stop.
 */
const options: CompilerOptions = {
  defineVariables: variables,
  enableIncludes: false,
  errorOnSlowPattern: true,
  errorOnSlowLoop: true,
};
const mostMatchesPerPattern = 64;

export interface CompileProblem {
  /** From one. */
  readonly line: number;
  readonly column: number;
  readonly reason: string;
}

/** @returns what keeps the source from being used */
export function findProblems(source: string): readonly CompileProblem[] {
  return validate(source, options).errors.map(({ message }) => {
    const [, line = '1', column = '1'] = /--> line:(\d+):(\d+)/u.exec(message) ?? [];
    return { line: Number(line), column: Number(column), reason: reasonOf(message) };
  });
}

/** The compiler draws its messages over several lines: the first says what, the marked one says why. */
function reasonOf(message: string): string {
  const [what = ''] = message.split('\n', 1);
  const why = /\n\s*\|\s*[\^-]+ (.+)/u.exec(message)?.[1];
  const text = what.replace(/^error\[\w+\]: /u, '');
  return why === undefined ? text : `${text}: ${why}`;
}

/** What a scan tells of a rule that matched. */
export interface RuleHit {
  readonly name: string;
  readonly meta: Readonly<Record<string, unknown>>;
}

/** Compiled rules; `scan` is synchronous and native. */
export interface Scanner {
  scan(bytes: Buffer, part: PartKind): readonly RuleHit[];
}

/** @throws where the source cannot be compiled: it was to be checked before */
export function compileRules(source: string): Scanner {
  // The package declares a result type that it does not define.
  const rules = compile(source, options) as YaraX;
  rules.setMaxMatchesPerPattern(mostMatchesPerPattern);
  return {
    scan: (bytes, part) =>
      rules.scan(bytes, { part }).map(({ ruleIdentifier, meta }) => ({
        name: ruleIdentifier,
        meta: meta as RuleHit['meta'],
      })),
  };
}
