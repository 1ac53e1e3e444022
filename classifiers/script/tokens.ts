import { finish, FNV_OFFSET, hashByte } from '../hashing.ts';
import { blobPrefixUnits, readBlob } from './blobs.ts';
import { readPlainText, type PlainText } from './plain-text.ts';
import { finished } from './steps.ts';
import {
  ADDRESS,
  CALL,
  EXTENSION_SEED,
  FEW_HEX,
  FEW_NUMBERS,
  HEX,
  MANY_HEX,
  MANY_NUMBERS,
  NUMBER,
  OPTION_SEED,
  PIPE,
  PROGRAM,
  STATIC,
  URL_ADDRESS,
  URL_NAME,
  VARIABLE,
  VARIABLE_SEED,
  blobLength,
  castWord,
  classOf,
  environmentScope,
  executables,
  isBlobUnit,
  isHexDigit,
  isSeparator,
  knownPrograms,
  languageVariables,
  longestWord,
  lower,
  manyNumbers,
  schemes,
  scopes,
} from './vocabulary.ts';

/**
 * Splits PowerShell into tokens without building strings: words in lower case, what its author alone named (variables,
 * programs, hosts, numbers, blobs) as markers, texts inside of blobs as if they stood there.
 */
export interface Tokens {
  /** 32-bit codes, in the order of the text. */
  readonly codes: readonly number[];
  /** Where in the original text each of them begins. */
  readonly origins: readonly number[];
  /** How the author tried to hide something, by token: see `tricks`. */
  readonly tricks: Readonly<Record<Trick, readonly number[]>>;
}

/** Counted by window. `case`: words in random case. `cast`: characters made of numbers. */
export const tricks = ['escape', 'join', 'case', 'cast', 'placeholder'] as const;
export type Trick = (typeof tricks)[number];

interface Found {
  readonly codes: number[];
  readonly origins: number[];
  readonly tricks: Record<Trick, number[]>;
}

class Tokenizer {
  readonly #units: Uint16Array;
  readonly #length: number;
  readonly #originOf: (index: number) => number;
  readonly #nested: boolean;
  readonly #into: Found;
  readonly #escapes: readonly number[];
  readonly #joins: readonly number[];
  #nextEscape = 0;
  #nextJoin = 0;
  #at = 0;
  /** Units up to here are known to be no blob. */
  #plainUntil = 0;
  #numbers = 0;
  #numbersAt = 0;
  #hex = false;

  constructor(
    { units, length, escapes, joins }: PlainText,
    originOf: (index: number) => number,
    into: Found,
    nested: boolean,
  ) {
    this.#units = units;
    this.#length = length;
    this.#escapes = escapes;
    this.#joins = joins;
    this.#originOf = originOf;
    this.#into = into;
    this.#nested = nested;
  }

  /** Reads on for about so many units. @returns whether all is read */
  advance(units: number): boolean {
    const stop = Math.min(this.#length, this.#at + units);
    while (this.#at < stop) {
      this.#countTricks();
      const unit = this.#unit(this.#at);
      const kind = classOf(unit);
      if (this.#numbers > 0 && kind !== 2 && !isSeparator(unit) && !this.#startsEscapedByte())
        this.#endNumbers();
      if (kind === 2) this.#number();
      else if (kind !== 0) this.#wordOrBlob();
      else if (unit === 0x24) this.#variable();
      else if (this.#startsEscapedByte()) this.#escapedByte();
      else this.#sign(unit);
    }
    if (this.#at < this.#length) return false;
    this.#endNumbers();
    return true;
  }

  #unit(index: number): number {
    return index < this.#length && index >= 0 ? (this.#units[index] ?? 0) : 0;
  }

  #push(code: number, at: number): void {
    this.#into.codes.push(code);
    this.#into.origins.push(this.#originOf(at));
  }

  #trick(name: Trick): void {
    this.#into.tricks[name].push(this.#into.codes.length);
  }

  #countTricks(): void {
    while ((this.#escapes[this.#nextEscape] ?? Infinity) <= this.#at) {
      this.#nextEscape++;
      this.#trick('escape');
    }
    while ((this.#joins[this.#nextJoin] ?? Infinity) <= this.#at) {
      this.#nextJoin++;
      this.#trick('join');
    }
  }

  /** `\xfc`, one of a list. */
  #startsEscapedByte(): boolean {
    const at = this.#at;
    return (
      this.#unit(at) === 0x5c &&
      (this.#unit(at + 1) | 0x20) === 0x78 &&
      isHexDigit(this.#unit(at + 2)) &&
      isHexDigit(this.#unit(at + 3))
    );
  }

  #escapedByte(): void {
    this.#countNumber(true);
    this.#at += 4;
  }

  #countNumber(hex: boolean): void {
    if (this.#numbers++ === 0) this.#numbersAt = this.#at;
    this.#hex ||= hex;
  }

  #endNumbers(): void {
    if (this.#numbers === 0) return;
    const [one, few, many] = this.#hex ? [HEX, FEW_HEX, MANY_HEX] : [NUMBER, FEW_NUMBERS, MANY_NUMBERS];
    const code = this.#numbers === 1 ? one : this.#numbers < manyNumbers ? few : many;
    this.#numbers = 0;
    this.#hex = false;
    this.#push(code, this.#numbersAt);
  }

  #number(): void {
    if (this.#blob()) return;
    const start = this.#at;
    let dots = 0;
    let end = start;
    for (let unit = this.#unit(end); classOf(unit) !== 0 || unit === 0x2e; unit = this.#unit(++end)) {
      if (unit !== 0x2e) continue;
      if (classOf(this.#unit(end + 1)) !== 2) break;
      dots++;
    }
    if (dots === 3) {
      this.#endNumbers();
      this.#push(ADDRESS, start);
    } else this.#countNumber((this.#unit(start + 1) | 0x20) === 0x78);
    this.#at = end;
  }

  #wordOrBlob(): void {
    if (!this.#blob()) this.#word(FNV_OFFSET);
  }

  /** Takes a long run of what base64 or hexadecimal is made of, where digits or both cases are mixed in it. */
  #blob(): boolean {
    const start = this.#at;
    if (start < this.#plainUntil) return false;
    let [end, digits, upper, changes] = [start, 0, 0, 0];
    let previous = 0;
    for (let unit = this.#unit(end); isBlobUnit(unit); unit = this.#unit(++end)) {
      const kind = classOf(unit) === 2 ? 1 : lower(unit) === unit ? 2 : 3;
      if (kind === 1) digits++;
      if (kind === 3) upper++;
      if (kind !== previous) changes++;
      previous = kind;
    }
    const size = end - start;
    if (size < blobLength || changes * 4 < size || (digits === 0 && upper * 8 < size)) {
      this.#plainUntil = end;
      return false;
    }
    const { codes, text } = readBlob(this.#units.subarray(start, Math.min(end, start + blobPrefixUnits)));
    for (const code of codes) this.#push(code, start);
    if (text !== undefined && !this.#nested) {
      const origin = this.#originOf(start);
      new Tokenizer(finished(readPlainText(text)), () => origin, this.#into, true).advance(Infinity);
    }
    this.#at = end;
    return true;
  }

  /** @param seed tells options and variables from the same word elsewhere */
  #word(seed: number): void {
    const start = this.#at;
    let [hash, plain, end, changes, previous] = [seed, FNV_OFFSET, start, 0, 0];
    for (; end < this.#length; end++) {
      const unit = this.#unit(end);
      const kind = classOf(unit);
      if (
        kind === 0 &&
        !(unit === 0x2d && classOf(this.#unit(end + 1)) === 1 && classOf(this.#unit(end - 1)) === 1)
      )
        break;
      const small = lower(unit);
      if (end - start < longestWord) {
        hash = hashByte(hash, small & 255);
        plain = hashByte(plain, small & 255);
      }
      if (kind !== 1) previous = 0;
      else {
        const upper = unit === small ? 1 : 2;
        if (previous !== 0 && previous !== upper) changes++;
        previous = upper;
      }
    }
    this.#at = end;
    const size = end - start;
    if (size >= 6 && changes * 2 >= size) this.#trick('case');
    const code = finish(hash);
    if (seed === FNV_OFFSET && this.#special(finish(plain), start)) return;
    this.#push(code, start);
  }

  /** Words whose neighbours say what they are. */
  #special(code: number, start: number): boolean {
    if (this.#unit(this.#at) === 0x3a && this.#unit(this.#at + 1) === 0x2f && schemes.has(code)) {
      this.#url(start);
      return true;
    }
    if (code === castWord && this.#unit(this.#at) === 0x5d) this.#trick('cast');
    if (
      this.#unit(this.#at) === 0x2e &&
      !knownPrograms.has(code) &&
      executables.has(this.#extensionAt(this.#at))
    ) {
      this.#push(PROGRAM, start);
      return true;
    }
    return false;
  }

  #extensionAt(dot: number): number {
    let hash = FNV_OFFSET;
    let end = dot + 1;
    while (end <= dot + 4 && classOf(this.#unit(end)) !== 0)
      hash = hashByte(hash, lower(this.#unit(end++)) & 255);
    return classOf(this.#unit(end)) === 0 ? finish(hash) : 0;
  }

  /** Of a host only tells whether it has a name, of the path only its extension. */
  #url(start: number): void {
    let end = this.#at;
    let [dot, slashes, letters] = [-1, 0, 0];
    for (let unit = this.#unit(end); end < this.#length && unit > 0x20; unit = this.#unit(++end)) {
      if (unit === 0x22 || unit === 0x27 || unit === 0x29 || unit === 0x3c || unit === 0x3e || unit === 0x2c)
        break;
      if (unit === 0x3f) break;
      if (unit === 0x2f) slashes++;
      if (slashes === 2 && classOf(unit) === 1) letters++;
      if (unit === 0x2e && slashes > 2) dot = end;
    }
    this.#push(letters === 0 ? URL_ADDRESS : URL_NAME, start);
    if (dot >= 0) {
      let hash = EXTENSION_SEED;
      for (let at = dot + 1; at < Math.min(end, dot + 5); at++)
        hash = hashByte(hash, lower(this.#unit(at)) & 255);
      this.#push(finish(hash), dot);
    }
    this.#at = end;
  }

  #variable(): void {
    const start = this.#at++;
    if (this.#unit(this.#at) === 0x7b) this.#at++;
    if (classOf(this.#unit(this.#at)) === 0) return;
    let plain = FNV_OFFSET;
    let end = this.#at;
    for (let unit = this.#unit(end); classOf(unit) !== 0; unit = this.#unit(++end))
      plain = hashByte(plain, lower(unit) & 255);
    const code = finish(plain);
    if (this.#unit(end) === 0x3a && classOf(this.#unit(end + 1)) !== 0) {
      this.#at = end + 1;
      if (code === environmentScope) this.#word(VARIABLE_SEED);
      else {
        if (scopes.has(code)) this.#push(VARIABLE, start);
        while (classOf(this.#unit(this.#at)) !== 0) this.#at++;
      }
      return;
    }
    this.#at = end;
    this.#push(languageVariables.has(code) ? finish(hashByte(plain, 0x24)) : VARIABLE, start);
  }

  #sign(unit: number): void {
    const at = this.#at++;
    const next = this.#unit(this.#at);
    if (unit === 0x2d && classOf(next) === 1 && classOf(this.#unit(at - 1)) === 0) this.#word(OPTION_SEED);
    else if (unit === 0x7c && next !== 0x7c) this.#push(PIPE, at);
    else if (unit === 0x3a && next === 0x3a) this.#push(STATIC, at);
    else if ((unit === 0x26 || unit === 0x2e) && this.#opensCall(next)) this.#push(CALL, at);
    else if (
      unit === 0x7b &&
      classOf(next) === 2 &&
      this.#unit(at + 2) === 0x7d &&
      this.#unit(at + 3) === 0x7b
    )
      this.#trick('placeholder');
  }

  /** `&(`, `& $x`, `.("x")`: what runs is not named. */
  #opensCall(next: number): boolean {
    const first = next === 0x20 ? this.#unit(this.#at + 1) : next;
    return first === 0x28 || first === 0x24 || first === 0x22 || first === 0x27;
  }
}

/** So many units are read in a step. */
const unitsPerStep = 16_384;

/** The tokens of a script, in steps of about a millisecond; any text, also an empty one. */
export function* readTokens(text: string): Generator<undefined, Tokens, undefined> {
  const plain = yield* readPlainText(text);
  const into: Found = {
    codes: [],
    origins: [],
    tricks: { escape: [], join: [], case: [], cast: [], placeholder: [] },
  };
  const tokenizer = new Tokenizer(plain, (index) => plain.origins[index] ?? 0, into, false);
  while (!tokenizer.advance(unitsPerStep)) yield;
  return into;
}
