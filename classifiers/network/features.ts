import type { JudgedName } from './host-name.ts';
import { segment } from './segment.ts';

/** Raised whenever the same name would get other features; a model answers only for its own schema. */
export const FEATURE_SCHEMA_VERSION = 1;

/** Classes of symbols in runs of three: 0 is the edge, 1 to 26 letters, 27 any digit, 28 a hyphen, 29 anything else. */
const classes = 30;
/** Rows of the table of runs of three; row 0 is padding. */
export const TRIGRAM_ROWS = 1 + classes ** 3;

/** What the model reads of a name. */
export interface NameFeatures {
  /** Rows of each run of three symbols in their order, edges included: one more than the label has symbols. */
  readonly trigrams: readonly number[];
  /** In the order of `SHAPE`. */
  readonly shape: readonly number[];
}

/** Symbols of a label: 1 to 26 letters, 27 to 36 digits, 37 a hyphen, 38 anything else. */
const digit = 27;
const hyphen = 37;

function symbolOf(code: number): number {
  if (code >= 97 && code <= 122) return code - 96;
  if (code >= 48 && code <= 57) return digit + code - 48;
  return code === 45 ? hyphen : 38;
}

function symbolsOf(label: string): readonly number[] {
  return Array.from({ length: label.length }, (_, index) => symbolOf(label.charCodeAt(index)));
}

function classOf(symbol: number | undefined): number {
  if (symbol === undefined) return 0;
  if (symbol < digit) return symbol;
  return symbol < hyphen ? digit : symbol - hyphen + digit + 1;
}

function trigramRows(word: readonly number[]): readonly number[] {
  const at = (index: number) => classOf(word[index]);
  return Array.from(
    { length: word.length + 1 },
    (_, index) => 1 + (at(index - 2) * classes + at(index - 1)) * classes + at(index),
  );
}

const vowels = new Set([1, 5, 9, 15, 21, 25]);
const rare = new Set([10, 11, 17, 22, 23, 24, 25, 26]);
const isLetter = (symbol: number) => symbol >= 1 && symbol < digit;
const isDigit = (symbol: number) => symbol >= digit && symbol < hyphen;
const isVowel = (symbol: number) => vowels.has(symbol);
const isConsonant = (symbol: number) => isLetter(symbol) && !vowels.has(symbol);

/** What each shape feature counts, in their order; `word` are the symbols of the label. */
const shapes: readonly (readonly [name: string, of: (word: readonly number[]) => number])[] = [
  ['length', (word) => word.length],
  ['digits', (word) => word.filter(isDigit).length],
  ['digit-share', (word) => share(word, isDigit)],
  ['kind-changes', (word) => changes(word, (symbol) => isDigit(symbol))],
  ['hyphens', (word) => word.filter((symbol) => symbol === hyphen).length],
  ['vowel-share', (word) => word.filter(isVowel).length / Math.max(1, word.filter(isLetter).length)],
  ['consonant-run', (word) => longestRun(word, isConsonant)],
  ['vowel-run', (word) => longestRun(word, isVowel)],
  ['digit-run', (word) => longestRun(word, isDigit)],
  ['alternation', (word) => changes(word.filter(isLetter), isVowel)],
  ['distinct', (word) => new Set(word).size],
  ['distinct-share', (word) => new Set(word).size / Math.max(1, word.length)],
  ['entropy', entropy],
  ['repeats', (word) => Math.max(0, ...counts(word).values()) / Math.max(1, word.length)],
  ['rare-share', (word) => share(word, (symbol) => rare.has(symbol))],
  ['hex-share', (word) => share(word, (symbol) => (symbol >= 1 && symbol <= 6) || isDigit(symbol))],
  ['odd-share', (word) => Math.abs(share(word.filter(isLetter), (symbol) => symbol % 2 === 1) - 0.5)],
  ['first-digit', (word) => Number(isDigit(word[0] ?? 0))],
  ['last-digit', (word) => Number(isDigit(word.at(-1) ?? 0))],
  ['doubled', (word) => word.filter((symbol, index) => index > 0 && symbol === word[index - 1]).length],
];

/** Names of the shape features, in the order of the vector. */
export const SHAPE: readonly string[] = [
  ...shapes.map(([name]) => name),
  ...['words', 'word-cover', 'word-length', 'function-words'],
  ...['suffix-com', 'suffix-old', 'suffix-country', 'suffix-dynamic', 'suffix-length'],
];

function share(word: readonly number[], is: (symbol: number) => boolean): number {
  return word.filter(is).length / Math.max(1, word.length);
}

function changes(word: readonly number[], is: (symbol: number) => boolean): number {
  const flips = word.filter((symbol, index) => index > 0 && is(symbol) !== is(word[index - 1] ?? 0));
  return flips.length / Math.max(1, word.length - 1);
}

function longestRun(word: readonly number[], is: (symbol: number) => boolean): number {
  let longest = 0;
  let run = 0;
  for (const symbol of word) {
    run = is(symbol) ? run + 1 : 0;
    longest = Math.max(longest, run);
  }
  return longest;
}

function counts(word: readonly number[]): ReadonlyMap<number, number> {
  const map = new Map<number, number>();
  for (const symbol of word) map.set(symbol, (map.get(symbol) ?? 0) + 1);
  return map;
}

/** Bits per symbol. */
function entropy(word: readonly number[]): number {
  let bits = 0;
  for (const count of counts(word).values()) bits -= (count / word.length) * Math.log2(count / word.length);
  return bits;
}

/** Words that join others in names that people make up, and that lists of algorithms lack. */
const functionWords = new Set([
  ...[
    'the',
    'and',
    'for',
    'you',
    'your',
    'our',
    'all',
    'new',
    'best',
    'top',
    'free',
    'online',
    'shop',
    'web',
    'with',
  ],
  ...[
    'from',
    'how',
    'get',
    'not',
    'who',
    'what',
    'one',
    'two',
    'net',
    'blog',
    'news',
    'world',
    'club',
    'home',
    'life',
  ],
  ...[
    'university',
    'bank',
    'college',
    'school',
    'hotel',
    'store',
    'video',
    'games',
    'game',
    'group',
    'media',
    'music',
  ],
]);

function wordShape(label: string): readonly number[] {
  const words = segment(label);
  const letters = words.reduce((sum, word) => sum + word.length, 0);
  return [
    words.length,
    letters / Math.max(1, label.length),
    letters / Math.max(1, words.length),
    words.filter((word) => functionWords.has(word)).length,
  ];
}

const oldSuffixes = new Set(['net', 'org', 'edu', 'gov', 'mil', 'int']);

function suffixShape({ suffix, under }: JudgedName): readonly number[] {
  const top = suffix.slice(suffix.lastIndexOf('.') + 1);
  return [
    Number(suffix === 'com'),
    Number(oldSuffixes.has(suffix)),
    Number(under === 'registry' && top.length === 2),
    Number(under === 'dynamic'),
    under === 'registry' ? top.length : 0,
  ];
}

/** Values lie on a grid, so that what lies between two of them is exact in single precision too. */
const steps = 1024;

/** @returns what the model reads of the name. Total: any name has features. */
export function extractFeatures(name: JudgedName): NameFeatures {
  const word = symbolsOf(name.label);
  return {
    trigrams: trigramRows(word),
    shape: [...shapes.map(([, of]) => of(word)), ...wordShape(name.label), ...suffixShape(name)].map(
      (value) => Math.round(value * steps) / steps,
    ),
  };
}
