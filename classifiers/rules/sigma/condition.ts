import { compilePattern, parsePattern } from './pattern.ts';
import type { Predicate } from './predicate.ts';
import { allOf, anyOf } from './predicate.ts';
import { RuleProblem } from './rule-problem.ts';

const limits = { tokens: 512, depth: 32 } as const;
const tokenPattern = /[()|]|[^\s()|]+/g;

/**
 * Parses a condition (`selection and not 1 of filter_*`) over the named detections of a rule.
 * `not` binds tighter than `and`, `and` tighter than `or`. Throws RuleProblem.
 */
export function parseCondition(source: string, detections: ReadonlyMap<string, Predicate>): Predicate {
  const tokens: readonly string[] = source.match(tokenPattern) ?? [];
  if (tokens.length > limits.tokens)
    throw new RuleProblem(`the condition has more than ${limits.tokens} words`);
  if (tokens.includes('|')) {
    throw new RuleProblem('aggregations after "|" are not part of Sigma any more: write a correlation rule');
  }
  return new ConditionParser(tokens, detections).parse();
}

class ConditionParser {
  readonly #tokens: readonly string[];
  readonly #detections: ReadonlyMap<string, Predicate>;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly string[], detections: ReadonlyMap<string, Predicate>) {
    this.#tokens = tokens;
    this.#detections = detections;
  }

  parse(): Predicate {
    const predicate = this.#or();
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw new RuleProblem(`the condition does not end before "${rest}"`);
    return predicate;
  }

  #or(): Predicate {
    const of = [this.#and()];
    while (this.#takes('or')) of.push(this.#and());
    return anyOf(of);
  }

  #and(): Predicate {
    const of = [this.#not()];
    while (this.#takes('and')) of.push(this.#not());
    return allOf(of);
  }

  #not(): Predicate {
    let negations = 0;
    while (this.#takes('not')) negations += 1;
    const operand = this.#operand();
    return negations % 2 === 0 ? operand : { kind: 'not', of: operand };
  }

  #operand(): Predicate {
    const token = this.#next();
    if (token === '(') {
      this.#depth += 1;
      if (this.#depth > limits.depth)
        throw new RuleProblem(`the condition nests deeper than ${limits.depth}`);
      const inner = this.#or();
      if (!this.#takes(')')) throw new RuleProblem('a parenthesis of the condition is not closed');
      this.#depth -= 1;
      return inner;
    }
    if (this.#takes('of')) return this.#selector(token.toLowerCase(), this.#next());
    const detection = this.#detections.get(token);
    if (detection === undefined)
      throw new RuleProblem(`the condition names "${token}", which the detection lacks`);
    return detection;
  }

  #selector(quantifier: string, pattern: string): Predicate {
    if (quantifier !== '1' && quantifier !== 'any' && quantifier !== 'all') {
      throw new RuleProblem(`"${quantifier} of" is not a quantifier: use 1, any or all`);
    }
    const names = [...this.#detections.keys()].filter((name) => selects(pattern, name));
    if (names.length === 0) throw new RuleProblem(`"${quantifier} of ${pattern}" selects no detection`);
    const of = names.flatMap((name) => this.#detections.get(name) ?? []);
    return quantifier === 'all' ? allOf(of) : anyOf(of);
  }

  #next(): string {
    const token = this.#tokens[this.#at];
    if (token === undefined) throw new RuleProblem('the condition ends too early');
    this.#at += 1;
    return token;
  }

  #takes(word: string): boolean {
    if (this.#tokens[this.#at]?.toLowerCase() !== word) return false;
    this.#at += 1;
    return true;
  }
}

/** Names that begin with an underscore are private: only a pattern that begins with one reaches them. */
function selects(pattern: string, name: string): boolean {
  if (name.startsWith('_') && !pattern.startsWith('_')) return false;
  if (pattern.toLowerCase() === 'them') return true;
  return compilePattern(parsePattern(pattern))(name);
}
