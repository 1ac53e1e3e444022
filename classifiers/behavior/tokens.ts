import { finish, FNV_OFFSET, hashByte, hashText, hashWord } from '../hashing.ts';
import { programNames } from './program-names.ts';

/**
 * Splits a command line into tokens, on bytes and without building strings: words in lower case, numbers and blobs as
 * markers, names of programs and scripts outside the public vocabulary as one marker.
 */
const headBytes = 3072;
const tailBytes = 1024;
const maxTokens = 512;
const blobLength = 20;
const hexLength = 6;

const marker = (name: string) => finish(hashText(FNV_OFFSET, `\u0001${name}`));
const BLOB = marker('blob');
const HEX = marker('hex');
const UNKNOWN_PROGRAM = marker('program');
const URL_MARK = marker('url');
const SHARE_MARK = marker('share');
const numberMarks = Array.from({ length: 8 }, (_, length) => marker(`number-${length}`));
const FLAG_SEED = hashByte(FNV_OFFSET, 0x2d);

const knownStems: ReadonlySet<number> = new Set(
  Array.from(programNames, (name) => finish(hashText(FNV_OFFSET, name))),
);
const extensions: ReadonlySet<number> = new Set(
  [
    'exe',
    'com',
    'scr',
    'dll',
    'cpl',
    'ocx',
    'sys',
    'xll',
    'bat',
    'cmd',
    'ps1',
    'psm1',
    'vbs',
    'vbe',
    'js',
    'jse',
    'wsf',
    'hta',
    'sct',
    'msi',
    'jar',
    'lnk',
    'py',
  ].map((name) => finish(hashText(FNV_OFFSET, name))),
);

const encoder = new TextEncoder();
/** Scratch space of one extraction; nothing of it outlives the call that fills it. */
const scratch = new Uint8Array(headBytes + tailBytes);

/** Byte classes: 0 other, 1 letter, 2 digit, 3 underscore and bytes of non-ASCII characters. */
const classes = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return 2;
  if ((byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a) return 1;
  return byte === 0x5f || byte >= 0x80 ? 3 : 0;
});
const classOf = (byte: number | undefined) => classes[byte ?? 0] ?? 0;

/** Characters whose number tells obfuscation and chaining from plain commands. */
const specials = '^`$;&|><@{(%+"\',=';
const specialIndex = new Map(
  Array.from(specials, (character, index) => [character.charCodeAt(0), index] as const),
);

export interface Tokens {
  /** 32-bit codes of the tokens, in the order of the text. */
  readonly codes: readonly number[];
  /** Codes of what holds of the text as a whole: length, special characters, blobs. */
  readonly shape: readonly number[];
}

/** @returns how many bytes of the text are in `scratch`: all, or head and tail of a long one */
function load(text: string): number {
  const { read, written } = encoder.encodeInto(text, scratch.subarray(0, headBytes));
  if (read >= text.length) return written;
  const rest = encoder.encodeInto(
    text.slice(Math.max(read, text.length - tailBytes)),
    scratch.subarray(written),
  );
  return written + rest.written;
}

const lower = (byte: number) => (byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte);

interface Word {
  readonly end: number;
  readonly code: number;
  readonly isBlob: boolean;
}

/** Reads the word that starts at `start`. `seed` tells an option (`-enc`, `/enc`) from the same word elsewhere. */
function readWord(start: number, length: number, seed: number): Word {
  let [hash, plain] = [seed, FNV_OFFSET];
  let [digits, hexDigits, caseChanges, end] = [0, 0, 0, start];
  for (let previous = 0; end < length; end++) {
    const byte = scratch[end] ?? 0;
    const kind = classOf(byte);
    if (kind === 0) break;
    const small = lower(byte);
    hash = hashByte(hash, small);
    plain = hashByte(plain, small);
    if (kind === 2) digits++;
    if (kind === 2 || (small >= 0x61 && small <= 0x66)) hexDigits++;
    const upper = byte === small ? 1 : 2;
    if (previous !== 0 && previous !== upper) caseChanges++;
    previous = kind === 1 ? upper : previous;
  }
  const size = end - start;
  if (digits === size && size > 2) return { end, code: numberMarks[Math.min(size, 7)] ?? 0, isBlob: false };
  if (hexDigits === size && size >= hexLength && digits > 0)
    return { end, code: HEX, isBlob: size >= 2 * blobLength };
  if (size >= blobLength && (digits > 1 || caseChanges > 6)) return { end, code: BLOB, isBlob: true };
  if (!knownStems.has(finish(plain)) && isExtensionAt(end, length))
    return { end, code: UNKNOWN_PROGRAM, isBlob: false };
  return { end, code: finish(hash), isBlob: false };
}

function isExtensionAt(dot: number, length: number): boolean {
  if (scratch[dot] !== 0x2e) return false;
  let hash = FNV_OFFSET;
  let end = dot + 1;
  while (end < length && classOf(scratch[end]) !== 0) hash = hashByte(hash, lower(scratch[end++] ?? 0));
  return extensions.has(finish(hash));
}

function isBlank(position: number): boolean {
  const byte = position < 0 ? 0x20 : scratch[position];
  return byte === 0x20 || byte === 0x22 || byte === 0x27;
}

/** Classes of a count: 0, 1, 2–3, 4–7, … */
const bucket = (count: number) => (count === 0 ? 0 : 1 + Math.floor(Math.log2(count)));

function shapeCode(name: string, count: number): number {
  return finish(hashByte(hashText(FNV_OFFSET, `\u0002${name}`), Math.min(bucket(count), 15)));
}

/** @returns the tokens of the text; any text, also an empty one */
export function tokenize(text: string): Tokens {
  const length = load(text);
  const codes: number[] = [];
  const counts = new Uint16Array(specials.length);
  let blobs = 0;
  let position = 0;
  while (position < length && codes.length < maxTokens) {
    const byte = scratch[position] ?? 0;
    if (classOf(byte) !== 0) {
      const before = scratch[position - 1];
      const isOption = (before === 0x2d || before === 0x2f) && isBlank(position - 2);
      const word = readWord(position, length, isOption ? FLAG_SEED : FNV_OFFSET);
      codes.push(word.code);
      if (word.isBlob) blobs++;
      position = word.end;
      continue;
    }
    const special = specialIndex.get(byte);
    if (special !== undefined) counts[special] = (counts[special] ?? 0) + 1;
    if (byte === 0x3a && scratch[position + 1] === 0x2f && scratch[position + 2] === 0x2f)
      codes.push(URL_MARK);
    if (byte === 0x5c && scratch[position + 1] === 0x5c && isBlank(position - 1)) codes.push(SHARE_MARK);
    position++;
  }
  const shape = [shapeCode('length', length), shapeCode('blobs', blobs)];
  counts.forEach((count, index) => {
    if (count > 0) shape.push(shapeCode(specials.charAt(index), count));
  });
  return { codes, shape };
}

/** Code of two tokens that stand side by side. */
export function pairCode(first: number, second: number): number {
  return finish(hashWord(hashWord(FNV_OFFSET, first), second));
}
