import { isUtf8 } from 'node:buffer';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { FirebreakError } from '../../contracts/errors.ts';
import type { Limits } from '../../contracts/limits.ts';

const inflate = promisify(gunzip);

/** Checks what a body claims to be before a byte of it is read. @throws FB_MEDIA_TYPE */
export function checkMediaType(
  contentType: string | undefined,
  contentEncoding: string | undefined,
  wanted: 'application/json' | 'application/octet-stream' = 'application/json',
): void {
  const [mediaType = '', ...parameters] = (contentType ?? '').toLowerCase().split(';');
  const charset = parameters.map((parameter) => parameter.trim()).find((text) => text.startsWith('charset='));
  const isWanted = mediaType.trim() === wanted;
  if (wanted !== 'application/json' && !isWanted)
    throw new FirebreakError('FB_MEDIA_TYPE', `The body must be \`${wanted}\`.`);
  if (!isWanted || (charset !== undefined && !/^charset="?utf-8"?$/.test(charset))) {
    throw new FirebreakError('FB_MEDIA_TYPE', 'The body must be `application/json` in UTF-8.');
  }
  if (!/^(?:gzip|x-gzip|identity|)$/.test((contentEncoding ?? '').trim().toLowerCase())) {
    throw new FirebreakError('FB_MEDIA_TYPE', 'The only content encoding that is taken is gzip.');
  }
}

/** @param contentEncoding one that `checkMediaType` let pass */
export function isCompressed(contentEncoding: string | undefined): boolean {
  return /gzip/i.test(contentEncoding ?? '');
}

/**
 * @param maxBytes where inflating stops, so that a small body cannot become a large one
 * @throws FB_BODY_TOO_LARGE, FB_BODY_NOT_JSON when it is not gzip
 */
export async function inflateBody(compressed: Buffer, maxBytes: number): Promise<Buffer> {
  try {
    return await inflate(compressed, { maxOutputLength: maxBytes });
  } catch (error) {
    if (
      typeof error === 'object' &&
      error !== null &&
      'code' in error &&
      error.code === 'ERR_BUFFER_TOO_LARGE'
    ) {
      throw new FirebreakError('FB_BODY_TOO_LARGE', `The body inflates to more than ${maxBytes} bytes.`);
    }
    throw new FirebreakError('FB_BODY_NOT_JSON', 'The body is not what `Content-Encoding: gzip` says.');
  }
}

/**
 * Parses one JSON document of strangers. Depth is bounded before parsing, as parsing deep nesting already costs memory.
 * @throws FB_BODY_NOT_JSON, FB_BODY_TOO_DEEP, FB_BODY_INVALID for keys that reach for object prototypes
 */
export function parseJson(bytes: Buffer, limits: Pick<Limits, 'depth'>): unknown {
  if (!isUtf8(bytes)) throw new FirebreakError('FB_BODY_NOT_JSON', 'The body is not UTF-8.');
  const { depth, suspicious } = scan(bytes);
  if (depth > limits.depth) {
    throw new FirebreakError('FB_BODY_TOO_DEEP', `The body is nested deeper than ${limits.depth} levels.`);
  }
  const text = bytes.toString('utf8');
  if (suspicious && prototypeKey.test(text)) {
    throw new FirebreakError(
      'FB_BODY_INVALID',
      'Keys named __proto__, constructor or prototype are refused.',
    );
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const where = /at position \d+|end of JSON input/.exec(String(error))?.[0];
    throw new FirebreakError(
      'FB_BODY_NOT_JSON',
      `The body is not one JSON document${where ? ` (${where})` : ''}.`,
    );
  }
}

/** A key that is one of the words, any of its letters possibly written as an escape. */
const prototypeKey = new RegExp(
  `"(?:${['__proto__', 'constructor', 'prototype'].map(orEscaped).join('|')})"[ \\t\\r\\n]*:`,
);

function orEscaped(word: string): string {
  const either = (letter: string) => {
    const code = letter
      .charCodeAt(0)
      .toString(16)
      .replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
    return `(?:${letter}|\\\\u00${code})`;
  };
  return [...word].map(either).join('');
}

const quote = 0x22;
const backslash = 0x5c;

/** One pass over the bytes: how deep objects and arrays nest, and whether a string begins as a prototype key might. */
function scan(bytes: Buffer): { readonly depth: number; readonly suspicious: boolean } {
  let level = 0;
  let depth = 0;
  let suspicious = false;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (inString) {
      if (byte === backslash) at += 1;
      else if (byte === quote) inString = false;
    } else if (byte === quote) {
      inString = true;
      suspicious ||= mayBeginPrototypeKey(bytes, at + 1);
    } else if (byte === 0x7b || byte === 0x5b) {
      level += 1;
      if (level > depth) depth = level;
    } else if (byte === 0x7d || byte === 0x5d) {
      level -= 1;
    }
  }
  return { depth, suspicious };
}

/** `__`, `con`, `prot`, or an escape: cheap to see and rare in reports. */
function mayBeginPrototypeKey(bytes: Buffer, at: number): boolean {
  switch (bytes[at]) {
    case backslash:
      return true;
    case 0x5f:
      return bytes[at + 1] === 0x5f || bytes[at + 1] === backslash;
    case 0x63:
      return bytes[at + 1] === backslash || bytes[at + 2] === 0x6e || bytes[at + 2] === backslash;
    case 0x70:
      return (
        bytes[at + 1] === backslash ||
        bytes[at + 2] === backslash ||
        bytes[at + 3] === 0x74 ||
        bytes[at + 3] === backslash
      );
    default:
      return false;
  }
}
