import { RE2JS } from 're2js';
import type { RegexFlags } from './predicate.ts';
import { RuleProblem } from './rule-problem.ts';

const maximalSourceLength = 4_096;

/**
 * Compiles a rule's regular expression on RE2, which needs time linear in the text whatever the expression.
 * Look-around and back-references do not exist there and are refused with a RuleProblem.
 */
export function compileRegex(source: string, flags: RegexFlags): (text: string) => boolean {
  if (source.length > maximalSourceLength) {
    throw new RuleProblem(`the regular expression is longer than ${maximalSourceLength} characters`);
  }
  const bits =
    (flags.ignoreCase ? RE2JS.CASE_INSENSITIVE : 0) |
    (flags.multiline ? RE2JS.MULTILINE : 0) |
    (flags.dotAll ? RE2JS.DOTALL : 0);
  try {
    const regex = RE2JS.compile(source, bits);
    return (text) => regex.test(text);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuleProblem(`the regular expression is not valid on RE2: ${reason}`);
  }
}
