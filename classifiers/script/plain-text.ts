/**
 * PowerShell as it reads once comments, escapes and joined literals are undone. One pass over code units without building
 * strings: the text may have 256 KiB and be made to hurt, so every look ahead is bounded and nothing backtracks.
 */
export interface PlainText {
  /** Code units of what is left; `length` of them count. */
  readonly units: Uint16Array;
  /** Where in the original text each of them stood. */
  readonly origins: Uint32Array;
  readonly length: number;
  /** Where the tricks stood, as indices into `units`, ascending. */
  readonly escapes: readonly number[];
  readonly joins: readonly number[];
}

/** How far the parts of one literal may stand apart and still be joined. */
const joinReach = 64;
const deepestNesting = 32;

const [TAB, NEWLINE, BLANK, DOUBLE, HASH, DOLLAR, SINGLE] = [0x09, 0x0a, 0x20, 0x22, 0x23, 0x24, 0x27];
const [OPEN, CLOSE, PLUS, LESS, GREATER, AT, BACKTICK] = [0x28, 0x29, 0x2b, 0x3c, 0x3e, 0x40, 0x60];
const escapesOfWhiteSpace: ReadonlySet<number> = new Set([0x6e, 0x72, 0x74]);

/** What the language takes for quotes, dashes and blanks beside the ASCII ones; NULs are left by a wrong decoding. */
function asciiOf(unit: number): number {
  if (unit < 0x80) return unit === 0x0d || unit === 0x0b || unit === 0x0c ? NEWLINE : unit;
  if (unit >= 0x2018 && unit <= 0x201b) return SINGLE;
  if (unit >= 0x201c && unit <= 0x201e) return DOUBLE;
  if (unit >= 0x2013 && unit <= 0x2015) return 0x2d;
  return unit === 0xa0 || unit === 0x85 || unit === 0x2028 ? BLANK : unit;
}

const isBlank = (unit: number) => unit === BLANK || unit === TAB || unit === NEWLINE;

/** Letters, digits and what is beyond ASCII: they mean themselves wherever they stand. */
const plainUnits = Uint8Array.from({ length: 128 }, (_, unit) =>
  Number(/[0-9a-z_.,;:=\[\]{}|\\/-]/iu.test(String.fromCharCode(unit))),
);
const isPlain = (unit: number) => unit >= 128 || plainUnits[unit] === 1;

/** Before a comment: `#` inside of a word is a part of it. */
function startsToken(before: number): boolean {
  return (
    isBlank(before) ||
    before === OPEN ||
    before === CLOSE ||
    before === 0x3b ||
    before === 0x7b ||
    before === 0x7d ||
    before === 0x2c ||
    before === 0x7c ||
    before === 0x26
  );
}

type Mode = 'code' | 'single' | 'double' | 'here-single' | 'here-double';

class Reader {
  readonly #text: string;
  /** The text in ASCII terms; two units beyond its end are line ends. */
  readonly #raw: Uint16Array;
  readonly #units: Uint16Array;
  readonly #origins: Uint32Array;
  readonly #escapes: number[] = [];
  readonly #joins: number[] = [];
  /** Modes that `$(` in a text has left, each with the parentheses that are open in its code. */
  readonly #outer: { readonly mode: Mode; readonly open: number }[] = [];
  #mode: Mode = 'code';
  #open = 0;
  #at = 0;
  #length = 0;

  constructor(text: string) {
    this.#text = text;
    this.#raw = new Uint16Array(text.length + 2).fill(NEWLINE);
    for (let at = 0; at < text.length; at++) this.#raw[at] = asciiOf(text.charCodeAt(at));
    this.#units = new Uint16Array(text.length);
    this.#origins = new Uint32Array(text.length);
  }

  /** Reads on for about so many units. @returns whether the text is read */
  advance(units: number): boolean {
    const end = Math.min(this.#text.length, this.#at + units);
    while (this.#at < end) {
      const unit = this.#raw[this.#at] ?? 0;
      if (unit === 0) this.#at++;
      else if (unit === LESS && this.#skipsCut()) continue;
      else if (this.#mode === 'code') this.#code(unit);
      else this.#literal(unit);
    }
    return this.#at >= this.#text.length;
  }

  get result(): PlainText {
    const [units, origins, length] = [this.#units, this.#origins, this.#length];
    return { units, origins, length, escapes: this.#escapes, joins: this.#joins };
  }

  #unit(offset: number): number {
    return this.#raw[this.#at + offset] ?? NEWLINE;
  }

  #emit(unit: number): void {
    this.#units[this.#length] = unit;
    this.#origins[this.#length++] = this.#at;
  }

  #take(): void {
    this.#emit(this.#unit(0));
    this.#at++;
  }

  /** Whatever follows that is only copied, in either mode. */
  #takeRun(): void {
    const raw = this.#raw;
    let [at, length] = [this.#at, this.#length];
    do {
      this.#units[length] = raw[at] ?? 0;
      this.#origins[length++] = at++;
    } while (isPlain(raw[at] ?? NEWLINE));
    this.#at = at;
    this.#length = length;
  }

  /** The mark by which public data stands for the rest of a blob; what is before it is enough to see one. */
  #skipsCut(): boolean {
    if (!this.#text.startsWith('<CUT:', this.#at)) return false;
    for (let end = 5; end < joinReach; end++) {
      const unit = this.#unit(end);
      if (unit === NEWLINE) return false;
      if (unit !== GREATER) continue;
      this.#at += end + 1;
      return true;
    }
    return false;
  }

  #code(unit: number): void {
    if (isPlain(unit)) {
      this.#takeRun();
      return;
    }
    const next = this.#unit(1);
    if (unit === BACKTICK) this.#escapedInCode(next);
    else if (unit === HASH && startsToken(this.#unit(-1))) this.#skipLine();
    else if (unit === LESS && next === HASH) this.#skipBlock();
    else if (unit === AT && (next === SINGLE || next === DOUBLE)) this.#begin(next, true);
    else if (unit === SINGLE || unit === DOUBLE) this.#begin(unit, false);
    else {
      if (unit === OPEN) this.#open++;
      else if (unit === CLOSE && this.#open-- === 0) this.#leave();
      this.#take();
    }
  }

  #escapedInCode(next: number): void {
    this.#at++;
    if (!isBlank(next)) this.#escapes.push(this.#length);
    else this.#emit(BLANK);
    if (this.#at < this.#text.length) {
      if (isBlank(next)) this.#at++;
      else this.#take();
    }
  }

  #skipLine(): void {
    while (this.#at < this.#text.length && this.#unit(0) !== NEWLINE) this.#at++;
  }

  #skipBlock(): void {
    const end = this.#text.indexOf('#>', this.#at + 2);
    this.#at = end < 0 ? this.#text.length : end + 2;
  }

  #begin(quote: number, here: boolean): void {
    if (here) this.#at++;
    this.#mode = quote === SINGLE ? (here ? 'here-single' : 'single') : here ? 'here-double' : 'double';
    this.#take();
  }

  /** Back into the text whose `$(` has ended. */
  #leave(): void {
    const outer = this.#outer.pop();
    this.#open = outer?.open ?? 0;
    this.#mode = outer?.mode ?? 'code';
  }

  #literal(unit: number): void {
    if (isPlain(unit)) {
      this.#takeRun();
      return;
    }
    const next = this.#unit(1);
    const quote = this.#mode === 'single' || this.#mode === 'here-single' ? SINGLE : DOUBLE;
    const here = this.#mode === 'here-single' || this.#mode === 'here-double';
    if (unit === quote && here) {
      if (next === AT && this.#unit(-1) === NEWLINE) this.#end(2);
      else this.#take();
    } else if (unit === quote && next === quote) {
      this.#take();
      this.#at++;
    } else if (unit === quote) this.#end(1);
    else if (unit === BACKTICK && quote === DOUBLE) this.#escapedInText(next);
    else if (unit === DOLLAR && next === OPEN && quote === DOUBLE && this.#outer.length < deepestNesting) {
      this.#outer.push({ mode: this.#mode, open: this.#open });
      this.#mode = 'code';
      this.#open = 0;
      this.#take();
      this.#take();
    } else this.#take();
  }

  #escapedInText(next: number): void {
    this.#at++;
    if (escapesOfWhiteSpace.has(next) || next === 0x30) {
      this.#emit(BLANK);
      this.#at++;
      return;
    }
    if (!isBlank(next) && next !== DOLLAR && next !== DOUBLE && next !== BACKTICK)
      this.#escapes.push(this.#length);
    if (this.#at < this.#text.length) this.#take();
  }

  /** The end of a literal, unless the next one is added to it: then neither is there. */
  #end(quotes: number): void {
    this.#mode = 'code';
    const next = this.#joinedAt(quotes);
    if (next < 0) {
      this.#take();
      this.#at += quotes - 1;
      return;
    }
    this.#joins.push(this.#length);
    this.#at = next;
    this.#mode = this.#unit(0) === SINGLE ? 'single' : 'double';
    this.#at++;
  }

  /** @returns where the quote stands that opens the literal added to this one, or -1; counts the parentheses between */
  #joinedAt(quotes: number): number {
    let plus = false;
    let open = this.#open;
    for (let offset = quotes; offset < joinReach; offset++) {
      const unit = this.#unit(offset);
      if (unit === PLUS && !plus) plus = true;
      else if (unit === OPEN && plus) open++;
      else if (unit === CLOSE && !plus && open > 0) open--;
      else if ((unit === SINGLE || unit === DOUBLE) && plus) {
        this.#open = open;
        return this.#at + offset;
      } else if (!isBlank(unit) || this.#at + offset >= this.#text.length) return -1;
    }
    return -1;
  }
}

/** So many units are read in a step. */
const unitsPerStep = 16_384;

/** Any text, in steps of about a millisecond. Parentheses between joined literals go with them, so what is left need not balance. */
export function* readPlainText(text: string): Generator<undefined, PlainText, undefined> {
  const reader = new Reader(text);
  while (!reader.advance(unitsPerStep)) yield;
  return reader.result;
}
