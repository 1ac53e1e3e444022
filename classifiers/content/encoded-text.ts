import { readImage } from '../../formats/pe/image.ts';
import type { Part } from './finding.ts';

/**
 * What stands base64-encoded in a file, in ASCII or UTF-16: commands for PowerShell, scripts and programs in scripts. Found
 * runs are decoded and kept where they decode to text or to an executable; rules then read them like the sample itself.
 */
const leastCharacters = 48;
const longestRun = 256 * 1024;
/** Names and tables make such runs too: only what begins like text or a program is decoded whole. */
const mostRuns = 4096;
const headCharacters = 64;
const mostDecodedBytes = 1024 * 1024;
/** What is looked through, from the start of the file: scripts and stagers are small. */
const mostBytes = 16 * 1024 * 1024;

const isDigit = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/') {
  isDigit[character.charCodeAt(0)] = 1;
}

/** @returns texts, as UTF-8, and executables */
export function decodeText(bytes: Buffer): readonly Part[] {
  const parts: Part[] = [];
  const budget = { runs: mostRuns, decodedBytes: mostDecodedBytes };
  const end = Math.min(bytes.length, mostBytes);
  let offset = 0;
  while (offset < end && budget.runs > 0 && budget.decodedBytes > 0) {
    if (isDigit[bytes[offset] ?? 0] === 0) {
      offset += 1;
      continue;
    }
    const width = bytes[offset + 1] === 0 ? 2 : 1;
    const length = runLength(bytes, offset, width);
    if (length >= leastCharacters) {
      budget.runs -= 1;
      const text = decode(
        bytes.toString(width === 1 ? 'latin1' : 'utf16le', offset, offset + length * width),
      );
      if (text) {
        parts.push({ kind: 'encoded', bytes: text });
        budget.decodedBytes -= text.length;
      }
    }
    offset += Math.max(1, length * width);
  }
  return parts;
}

/** @returns how many base64 digits follow each other */
function runLength(bytes: Buffer, start: number, width: 1 | 2): number {
  let length = 0;
  let offset = start;
  while (length < longestRun && isDigit[bytes[offset] ?? 0] === 1) {
    if (width === 2 && bytes[offset + 1] !== 0) break;
    length += 1;
    offset += width;
  }
  return length;
}

function decode(run: string): Buffer | null {
  const head = Buffer.from(run.slice(0, headCharacters), 'base64');
  const isUtf16 = readsAsUtf16(head);
  const isProgram = head[0] === 0x4d && head[1] === 0x5a;
  if (!isUtf16 && !isProgram && !readsAsText(head)) return null;
  const decoded = Buffer.from(run, 'base64');
  const text = isUtf16 ? Buffer.from(decoded.toString('utf16le'), 'utf8') : decoded;
  return readsAsText(text) || readImage(text).outcome === 'image' ? text : null;
}

function readsAsUtf16(bytes: Buffer): boolean {
  const pairs = Math.min(64, Math.floor(bytes.length / 2));
  let zeros = 0;
  for (let index = 0; index < pairs; index += 1) if (bytes[index * 2 + 1] === 0) zeros += 1;
  return zeros > pairs * 0.8;
}

function readsAsText(bytes: Buffer): boolean {
  const sample = bytes.subarray(0, 512);
  let printable = 0;
  for (const byte of sample) if ((byte >= 0x20 && byte < 0x7f) || (byte >= 9 && byte <= 13)) printable += 1;
  return printable >= sample.length * 0.95;
}
