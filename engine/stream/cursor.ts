import { createHash } from 'node:crypto';

/** Which prefix of the log a subscriber has applied. */
export interface Cursor {
  /** When it was handed out, milliseconds since 1970. */
  readonly issuedAtMs: number;
  /** The next offset of each partition of `verdicts`, then of each partition of `control`. */
  readonly offsets: readonly number[];
}

const version = 1;
const identityBytes = 8;
const headerBytes = 1 + identityBytes;

/**
 * Version, the first 8 bytes of the SHA-256 of the log's identity, then issue time and offsets as unsigned LEB128
 * numbers, all as base64url. It is no secret and needs no signature: whoever alters it harms only its own state, and
 * finds that out at the next checkpoint.
 *
 * @param logIdentity tells one log from another, for example after a new start with an empty data folder
 */
export function encodeCursor(cursor: Cursor, logIdentity: string): string {
  const bytes = [version, ...identityOf(logIdentity)];
  for (const number of [cursor.issuedAtMs, ...cursor.offsets]) appendNumber(bytes, number);
  return Buffer.from(bytes).toString('base64url');
}

/** @returns null when it is malformed, of an unknown version, or of another log */
export function decodeCursor(text: string, logIdentity: string): Cursor | null {
  if (!/^[A-Za-z0-9_-]{1,1024}$/.test(text)) return null;
  const bytes = Buffer.from(text, 'base64url');
  const identity = identityOf(logIdentity);
  if (bytes[0] !== version || !identity.equals(bytes.subarray(1, headerBytes))) return null;
  const numbers = readNumbers(bytes.subarray(headerBytes));
  if (numbers === null) return null;
  const [issuedAtMs, ...offsets] = numbers;
  return issuedAtMs === undefined || offsets.length === 0 ? null : { issuedAtMs, offsets };
}

function identityOf(logIdentity: string): Buffer {
  return createHash('sha256').update(logIdentity).digest().subarray(0, identityBytes);
}

function appendNumber(bytes: number[], number: number): void {
  let rest = number;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) + 0x80);
    rest = Math.floor(rest / 0x80);
  }
  bytes.push(rest);
}

function readNumbers(bytes: Uint8Array): readonly number[] | null {
  const numbers: number[] = [];
  let value = 0;
  let weight = 1;
  for (const byte of bytes) {
    value += (byte & 0x7f) * weight;
    if (value > Number.MAX_SAFE_INTEGER) return null;
    if (byte >= 0x80) {
      weight *= 0x80;
    } else {
      numbers.push(value);
      value = 0;
      weight = 1;
    }
  }
  return weight === 1 ? numbers : null;
}
