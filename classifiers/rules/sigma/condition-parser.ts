import { RuleProblem } from './rule-problem.ts';

const limits = { tokens: 512, depth: 32 } as const;
const tokenPattern = /[()|]|[^\s()|]+/g;

/** A condition's operators over what `Operand` stands for. */
export interface Algebra<Operand> {
  readonly not: (of: Operand) => Operand;
  readonly and: (of: readonly Operand[]) => Operand;
  readonly or: (of: readonly Operand[]) => Operand;
  readonly name: (name: string) => Operand;
  /** `1 of selection_*`; undefined where the grammar has no such thing. */
  readonly of?: (quantifier: string, pattern: string) => Operand;
}

/**
 * Parses a condition: `not` binds tighter than `and`, `and` tighter than `or`.
 * @throws RuleProblem
 */
export function parseExpression<Operand>(source: string, algebra: Algebra<Operand>): Operand {
  const tokens: readonly string[] = source.match(tokenPattern) ?? [];
  if (tokens.length > limits.tokens)
    throw new RuleProblem(`the condition has more than ${limits.tokens} words`);
  if (tokens.includes('|')) {
    throw new RuleProblem('aggregations after "|" are not part of Sigma any more: write a correlation rule');
  }
  return new ConditionParser(tokens, algebra).parse();
}

class ConditionParser<Operand> {
  readonly #tokens: readonly string[];
  readonly #algebra: Algebra<Operand>;
  #at = 0;
  #depth = 0;

  constructor(tokens: readonly string[], algebra: Algebra<Operand>) {
    this.#tokens = tokens;
    this.#algebra = algebra;
  }

  parse(): Operand {
    const operand = this.#or();
    const rest = this.#tokens[this.#at];
    if (rest !== undefined) throw new RuleProblem(`the condition does not end before "${rest}"`);
    return operand;
  }

  #or(): Operand {
    const of = [this.#and()];
    while (this.#takes('or')) of.push(this.#and());
    return this.#algebra.or(of);
  }

  #and(): Operand {
    const of = [this.#not()];
    while (this.#takes('and')) of.push(this.#not());
    return this.#algebra.and(of);
  }

  #not(): Operand {
    let negations = 0;
    while (this.#takes('not')) negations += 1;
    const operand = this.#operand();
    return negations % 2 === 0 ? operand : this.#algebra.not(operand);
  }

  #operand(): Operand {
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
    const { of, name } = this.#algebra;
    return of !== undefined && this.#takes('of') ? of(token.toLowerCase(), this.#next()) : name(token);
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
