/** Texts of which at least one occurs in every match. */
export type Clause = readonly string[];

/**
 * Finds what every match of a regular expression contains, for the literal prefilter: each clause of the result holds.
 * It reads alternations and groups, and gives up (fewer clauses, or none) on what it does not know: giving up costs
 * speed, never a match. Texts are lower case, because the prefilter reads lower-cased fields.
 */
export function requiredClauses(source: string): readonly Clause[] {
  const reader = new ClauseReader(source);
  const clauses = reader.alternation();
  return reader.done ? clauses : [];
}

/** What an atom of the expression adds: a plain character, or clauses of its own. */
type Atom = { readonly char: string } | { readonly clauses: readonly Clause[] };

const nothing: Atom = { clauses: [] };
/** One character is looked for only where paths, options and words do without it. */
const worthLooking = /^(?:[^\w\s\\.:/"'()=,-]|.{2,})$/s;
const quantifier = /(?:[*+?]|\{\d*,?\d*\})[?+]?/y;
const groupStart = /\((?:\?(?:P?<\w+>|[a-zA-Z-]*:))?(?!\?)/y;
const flagGroup = /\(\?[a-zA-Z-]+\)/y;

class ClauseReader {
  readonly #source: string;
  #at = 0;
  #failed = false;

  constructor(source: string) {
    this.#source = source;
  }

  get done(): boolean {
    return !this.#failed && this.#at === this.#source.length;
  }

  /** Branches share nothing, but one of each branch's best clause occurs. */
  alternation(): readonly Clause[] {
    const branches = [this.#sequence()];
    while (this.#source.charAt(this.#at) === '|') {
      this.#at += 1;
      branches.push(this.#sequence());
    }
    const [only] = branches;
    if (branches.length === 1 && only !== undefined) return only;
    const best = branches.map(rarest);
    return best.every((clause) => clause !== undefined) ? [[...new Set(best.flat())]] : [];
  }

  #sequence(): readonly Clause[] {
    const clauses: Clause[] = [];
    let run = '';
    const flush = (): void => {
      if (worthLooking.test(run)) clauses.push([run]);
      run = '';
    };
    while (this.#at < this.#source.length && !this.#failed) {
      const next = this.#source.charAt(this.#at);
      if (next === '|' || next === ')') break;
      const atom = this.#atom();
      const repeats = this.#take(quantifier);
      const optional = repeats !== undefined && !/^(?:\+|\{0*[1-9])/.test(repeats);
      if ('char' in atom && !optional) run += atom.char.toLowerCase();
      if (!('char' in atom) || repeats !== undefined) flush();
      if ('clauses' in atom && !optional) clauses.push(...atom.clauses);
    }
    flush();
    return clauses;
  }

  #atom(): Atom {
    const char = this.#source.charAt(this.#at);
    if (char === '(') return this.#group();
    if (char === '[') return this.#class();
    if (char === '\\') return this.#escape();
    this.#at += 1;
    return '.^$'.includes(char) || char > '\x7f' ? nothing : { char };
  }

  #group(): Atom {
    if (this.#take(flagGroup) !== undefined) return nothing;
    if (this.#take(groupStart) === undefined) return this.#giveUp();
    const clauses = this.alternation();
    if (this.#source.charAt(this.#at) !== ')') return this.#giveUp();
    this.#at += 1;
    return { clauses };
  }

  #class(): Atom {
    const source = this.#source;
    let at = this.#at + 1;
    if (source.charAt(at) === '^') at += 1;
    if (source.charAt(at) === ']') at += 1;
    while (at < source.length && source.charAt(at) !== ']') {
      if (source.startsWith('[:', at)) at = source.indexOf(':]', at) + 2;
      else at += source.charAt(at) === '\\' ? 2 : 1;
      if (at < 2) return this.#giveUp();
    }
    this.#at = at + 1;
    return nothing;
  }

  /** Escaped letters and digits are classes, anchors or codes; of these only the simple ones are passed over. */
  #escape(): Atom {
    const code = this.#take(/\\x(?:\{[0-9a-fA-F]+\}|[0-9a-fA-F]{2})|\\[dDsSwWbBAzafnrtv]/y);
    if (code !== undefined) return nothing;
    const char = this.#source.charAt(this.#at + 1);
    if (char === '' || /[A-Za-z0-9]/.test(char)) return this.#giveUp();
    this.#at += 2;
    return char > '\x7f' ? nothing : { char };
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #giveUp(): Atom {
    this.#failed = true;
    return nothing;
  }
}

/** The clause that the fewest texts are likely to fulfil: few and long literals. */
function rarest(clauses: readonly Clause[]): Clause | undefined {
  let best: Clause | undefined;
  let bestCost = Infinity;
  for (const clause of clauses) {
    const cost = clause.reduce((sum, literal) => sum + 2 ** -literal.length, 0);
    if (cost < bestCost) {
      best = clause;
      bestCost = cost;
    }
  }
  return best;
}
