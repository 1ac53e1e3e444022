import type { FileFormat } from './finding.ts';

const marks: readonly (readonly [FileFormat, Buffer])[] = [
  ['pe', Buffer.from('MZ', 'latin1')],
  ['elf', Buffer.from('\x7fELF', 'latin1')],
  ['ole', Buffer.from('d0cf11e0a1b11ae1', 'hex')],
  ['zip', Buffer.from('PK\x03\x04', 'latin1')],
  ['gzip', Buffer.from('1f8b08', 'hex')],
  ['lnk', Buffer.from('4c0000000114020000000000c0000000', 'hex')],
];
const sampleBytes = 4096;
/** Readers of PDF take its header anywhere in the first kilobyte. */
const pdfHeaderWithin = 1024;

/** @returns what the file is by its own bytes, whatever its name says */
export function recognizeFormat(bytes: Buffer): FileFormat {
  for (const [format, mark] of marks) {
    if (bytes.subarray(0, mark.length).equals(mark)) return format;
  }
  if (bytes.subarray(0, pdfHeaderWithin).includes('%PDF-', 0, 'latin1')) return 'pdf';
  return looksLikeText(bytes.subarray(0, sampleBytes)) ? 'text' : 'unknown';
}

/** Text in UTF-8, UTF-16 or a code page: hardly any control characters but those of lines. */
function looksLikeText(sample: Buffer): boolean {
  if (sample.length === 0) return false;
  if (isUtf16(sample)) return true;
  let controls = 0;
  for (const byte of sample) {
    if (byte === 0) return false;
    if (byte < 0x20 && (byte < 0x09 || byte > 0x0d) && byte !== 0x1b) controls += 1;
  }
  return controls <= sample.length / 100;
}

/** With its mark, or with a zero in nearly every second byte. */
export function isUtf16(sample: Buffer): boolean {
  if (sample.length < 4) return false;
  if (sample[0] === 0xff && sample[1] === 0xfe) return true;
  let zeros = 0;
  const characters = Math.min(128, Math.floor(sample.length / 2));
  for (let index = 0; index < characters; index += 1) {
    if (sample[index * 2] === 0) return false;
    if (sample[index * 2 + 1] === 0) zeros += 1;
  }
  return zeros > characters * 0.9;
}
