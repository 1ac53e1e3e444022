/**
 * Finds texts that every match of a regular expression contains, for the literal prefilter. It understands a small,
 * safe part of the syntax and gives up (undefined, or fewer texts) on the rest: giving up costs speed, never a match.
 * Texts are lower case, because the prefilter reads lower-cased fields.
 */
export function requiredLiterals(source: string, ignoreCase: boolean): readonly string[] | undefined {
  const foldable = ignoreCase || /\(\?[a-zA-Z]*i/.test(source);
  return new LiteralScanner(source, foldable).scan();
}

const breaking = new Set(['.', '^', '$', '[', '(', ')', ']']);

class LiteralScanner {
  readonly #source: string;
  readonly #foldable: boolean;
  readonly #found: string[] = [];
  #at = 0;
  #run = '';

  constructor(source: string, foldable: boolean) {
    this.#source = source;
    this.#foldable = foldable;
  }

  scan(): readonly string[] | undefined {
    while (this.#at < this.#source.length) {
      const char = this.#source.charAt(this.#at);
      if (char === '|') return undefined;
      if (char === '(') this.#skipGroup();
      else if (char === '[') this.#skipClass();
      else if (char === '\\') this.#escape();
      else if (breaking.has(char)) this.#breakAt(1);
      else this.#plain(char, 1);
      if (this.#at < 0) return undefined;
    }
    this.#flush();
    return this.#found;
  }

  #plain(char: string, length: number): void {
    this.#at += length;
    const quantifier = this.#source.charAt(this.#at);
    if (quantifier === '?' || quantifier === '*' || quantifier === '{') {
      this.#skipQuantifier();
      this.#flush();
      return;
    }
    this.#append(char);
    if (quantifier === '+') {
      this.#skipQuantifier();
      this.#flush();
    }
  }

  /** In a case-insensitive expression K and S also match signs (Kelvin, long s) that lower-casing keeps apart. */
  #append(char: string): void {
    const lower = char.toLowerCase();
    const code = char.charCodeAt(0);
    if (code >= 128 || (this.#foldable && (lower === 's' || lower === 'k'))) this.#flush();
    else this.#run += lower;
  }

  #escape(): void {
    const next = this.#source.charAt(this.#at + 1);
    if (next === '' || next === 'Q' || next === 'p' || next === 'P' || next === 'x') this.#at = -1;
    else if (/[A-Za-z0-9]/.test(next)) this.#breakAt(2);
    else this.#plain(next, 2);
  }

  #breakAt(length: number): void {
    this.#flush();
    this.#at += length;
    this.#skipQuantifier();
  }

  #skipClass(): void {
    this.#flush();
    this.#leaveAt(this.#classEnd(this.#at));
  }

  #classEnd(from: number): number {
    let at = from + 1;
    if (this.#source.charAt(at) === '^') at += 1;
    if (this.#source.charAt(at) === ']') at += 1;
    while (at < this.#source.length && this.#source.charAt(at) !== ']') {
      if (this.#source.startsWith('[:', at)) {
        const end = this.#source.indexOf(':]', at);
        at = end < 0 ? this.#source.length : end + 2;
      } else at += this.#source.charAt(at) === '\\' ? 2 : 1;
    }
    return at;
  }

  #skipGroup(): void {
    this.#flush();
    let depth = 0;
    let at = this.#at;
    for (; at < this.#source.length; at += 1) {
      const char = this.#source.charAt(at);
      if (char === '\\') at += 1;
      else if (char === '[') at = this.#classEnd(at);
      else if (char === '(') depth += 1;
      else if (char === ')') depth -= 1;
      if (depth === 0) break;
    }
    this.#leaveAt(at);
  }

  #leaveAt(end: number): void {
    this.#at = end < this.#source.length ? end + 1 : -1;
    if (this.#at > 0) this.#skipQuantifier();
  }

  #skipQuantifier(): void {
    const quantifier = /[?*+]+|\{\d*,?\d*\}[?+]?/y;
    quantifier.lastIndex = this.#at;
    this.#at += quantifier.exec(this.#source)?.[0].length ?? 0;
  }

  #flush(): void {
    if (this.#run.length > 1) this.#found.push(this.#run);
    this.#run = '';
  }
}
