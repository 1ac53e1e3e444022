import { finish, FNV_OFFSET, hashText, hashWord } from '../hashing.ts';
import { capabilitiesOf, capabilityNames } from './capabilities.ts';
import { finished } from './steps.ts';
import { readTokens, tricks, type Tokens } from './tokens.ts';

/** Raised whenever the same script would get other indices; a model answers only for its own schema. */
export const FEATURE_SCHEMA_VERSION = 1;

const wordRows = 65_536;
const kinds = capabilityNames.length;
/** Rows from here on: what a window can do, alone and in pairs; they never share a weight with words. */
export const CAPABILITY_ROWS_FROM = wordRows;
/** Rows of the weight table. Row 0 is padding and stays zero. */
export const TABLE_ROWS = CAPABILITY_ROWS_FROM + kinds + (kinds * (kinds - 1)) / 2;

/** Weights of words are shared out among so many at least, so that a few words alone do not shout. */
export const LEAST_ROWS = 32;

const windowTokens = 160;
const stride = windowTokens / 2;
const windowsPerStep = 32;

/** A stretch of the script that is judged by itself. */
export interface ScriptWindow {
  /** Which rows of the model's table apply, each once: those of words and tricks, all below `CAPABILITY_ROWS_FROM`. */
  readonly rows: readonly number[];
  /** The same for what the window can do. */
  readonly capabilities: readonly number[];
  /** Where it begins and where the token after it does, in the original text. */
  readonly start: number;
  readonly end: number;
}

export interface ScriptFeatures {
  readonly tokens: number;
  readonly windows: readonly ScriptWindow[];
}

const wordRow = (code: number) => 1 + (code % (wordRows - 1));

function pairCode(first: number, second: number): number {
  return finish(hashWord(hashWord(FNV_OFFSET, first), second));
}

/** Rows of capabilities, and of each two of them: the triangle above the diagonal, row by row. */
function capabilityRows(present: readonly number[]): readonly number[] {
  const rows = present.map((kind) => CAPABILITY_ROWS_FROM + kind);
  present.forEach((first, index) => {
    for (const second of present.slice(index + 1)) {
      const before = first * kinds - (first * (first + 1)) / 2;
      rows.push(CAPABILITY_ROWS_FROM + kinds + before + (second - first - 1));
    }
  });
  return rows;
}

/** Classes of a count: 0, 1, 2–3, 4–7, … */
const bucket = (count: number) => (count === 0 ? 0 : Math.min(7, 1 + Math.floor(Math.log2(count))));

const trickRows = tricks.map((name) =>
  Array.from({ length: 8 }, (_, size) => wordRow(finish(hashText(FNV_OFFSET, `\u0002${name}${size}`)))),
);

/** How many of the ascending positions lie in the window. */
function countIn(positions: readonly number[], from: number, to: number): number {
  let [low, high] = [0, positions.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((positions[middle] ?? 0) < from) low = middle + 1;
    else high = middle;
  }
  let count = 0;
  while ((positions[low + count] ?? Infinity) < to && count < 256) count++;
  return count;
}

/** Which window each row was last met in; nothing of it outlives the window that it is of. */
const metIn = new Uint32Array(TABLE_ROWS);
let windowNumber = 0;

/** @returns the rows in their order, each once */
function distinct(rows: readonly number[]): readonly number[] {
  windowNumber = (windowNumber + 1) >>> 0;
  if (windowNumber === 0) metIn.fill(windowNumber++);
  return rows.filter((row) => {
    if (metIn[row] === windowNumber) return false;
    metIn[row] = windowNumber;
    return true;
  });
}

/** Of each token its row, that of it with the next one, and what it stands for. */
interface TokenRows {
  readonly words: Uint32Array;
  readonly pairs: Uint32Array;
  readonly skills: readonly (readonly number[] | undefined)[];
}

function tokenRows(codes: readonly number[]): TokenRows {
  const [words, pairs] = [new Uint32Array(codes.length), new Uint32Array(codes.length)];
  const skills: (readonly number[] | undefined)[] = [];
  for (let index = 0; index < codes.length; index++) {
    const code = codes[index] ?? 0;
    words[index] = wordRow(code);
    pairs[index] = wordRow(pairCode(code, codes[index + 1] ?? 0));
    skills.push(capabilitiesOf(code));
  }
  return { words, pairs, skills };
}

function windowRows(
  { tricks: hidden }: Tokens,
  { words, pairs, skills }: TokenRows,
  from: number,
  to: number,
): Pick<ScriptWindow, 'rows' | 'capabilities'> {
  const rows: number[] = [];
  const present = new Set<number>();
  for (let index = from; index < to; index++) {
    rows.push(words[index] ?? 0);
    const kinds = skills[index];
    if (kinds !== undefined) for (const kind of kinds) present.add(kind);
    if (index + 1 < to) rows.push(pairs[index] ?? 0);
  }
  tricks.forEach((name, index) => {
    const size = bucket(countIn(hidden[name], from, to));
    const row = trickRows[index]?.[size];
    if (size > 0 && row !== undefined) rows.push(row);
  });
  return { rows: distinct(rows), capabilities: capabilityRows([...present].sort((a, b) => a - b)) };
}

/**
 * Overlapping windows over the tokens, so that whatever is put around a hostile passage it is judged by itself. In steps of
 * about a millisecond: a script may be long, and others wait.
 */
export function* readFeatures(text: string): Generator<undefined, ScriptFeatures, undefined> {
  const tokens = yield* readTokens(text);
  const { codes, origins } = tokens;
  const rows = tokenRows(codes);
  const windows: ScriptWindow[] = [];
  for (let from = 0; from === 0 || from + stride < codes.length; from += stride) {
    const to = Math.min(from + windowTokens, codes.length);
    const place = { start: origins[from] ?? 0, end: origins[to] ?? text.length };
    windows.push({ ...windowRows(tokens, rows, from, to), ...place });
    if (windows.length % windowsPerStep === 0) yield;
  }
  return { tokens: codes.length, windows };
}

export function extractFeatures(text: string): ScriptFeatures {
  return finished(readFeatures(text));
}
