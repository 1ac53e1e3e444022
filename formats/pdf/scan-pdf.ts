import { inflateSync } from 'node:zlib';

/** How often a document names what can make it act. Counted over its objects and its packed object streams. */
export interface PdfFile {
  readonly names: Readonly<Record<PdfName, number>>;
  /** What its streams hold unpacked, one after the other: scripts, forms, attached files. */
  readonly unpacked: Buffer;
}

export const pdfNames = [
  'JavaScript',
  'JS',
  'OpenAction',
  'AA',
  'Launch',
  'EmbeddedFile',
  'SubmitForm',
  'RichMedia',
  'Encrypt',
] as const;
export type PdfName = (typeof pdfNames)[number];

/** Readers take a header anywhere in the first kilobyte. */
const headerWithin = 1024;
const mostStreams = 2048;
const longestName = 127;

/**
 * @param limit bytes that all streams together may unpack to
 * @returns null where the bytes are no PDF
 */
export function scanPdf(bytes: Buffer, limit: number): PdfFile | null {
  if (!bytes.subarray(0, headerWithin).includes('%PDF-', 0, 'latin1')) return null;
  const unpacked = unpackStreams(bytes, limit);
  const names = Object.fromEntries(pdfNames.map((name) => [name, 0])) as Record<PdfName, number>;
  countNames(bytes, names);
  countNames(unpacked, names);
  return { names, unpacked };
}

function unpackStreams(bytes: Buffer, limit: number): Buffer {
  const parts: Buffer[] = [];
  let left = limit;
  let offset = 0;
  for (let index = 0; index < mostStreams && left > 0; index += 1) {
    const keyword = bytes.indexOf('stream', offset, 'latin1');
    if (keyword < 0) break;
    const start = skipLineEnd(bytes, keyword + 6);
    const end = bytes.indexOf('endstream', start, 'latin1');
    if (end < 0) break;
    offset = end + 9;
    const text = inflate(bytes.subarray(start, end), left);
    if (!text) continue;
    left -= text.length;
    parts.push(text);
  }
  return Buffer.concat(parts);
}

function skipLineEnd(bytes: Buffer, offset: number): number {
  const afterReturn = bytes[offset] === 0x0d ? offset + 1 : offset;
  return bytes[afterReturn] === 0x0a ? afterReturn + 1 : afterReturn;
}

/** Whether a stream is deflated stands in a dictionary that may lie: its first byte tells as well. */
function inflate(packed: Buffer, limit: number): Buffer | null {
  if (((packed[0] ?? 0) & 0x0f) !== 8) return null;
  try {
    return inflateSync(packed, { maxOutputLength: limit });
  } catch {
    return null;
  }
}

/** Counts names of the list; `#4a` stands for a letter, which is how such names are hidden. */
function countNames(bytes: Buffer, counts: Record<PdfName, number>): void {
  for (let slash = bytes.indexOf(0x2f); slash >= 0; slash = bytes.indexOf(0x2f, slash + 1)) {
    const first = bytes[slash + 1] ?? 0;
    // Every name of the list begins with a capital, and few names of a page do.
    if (first !== 0x23 && (first < 0x41 || first > 0x53)) continue;
    const name = readName(bytes, slash + 1);
    if (Object.hasOwn(counts, name)) counts[name as PdfName] += 1;
  }
}

function readName(bytes: Buffer, start: number): string {
  let end = start;
  let isEscaped = false;
  for (; end < bytes.length && end - start < longestName; end += 1) {
    const byte = bytes[end] ?? 0;
    isEscaped ||= byte === 0x23;
    const isLetterOrDigit =
      (byte >= 0x30 && byte <= 0x39) || (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
    if (!isLetterOrDigit && byte !== 0x23) break;
  }
  const name = bytes.toString('latin1', start, end);
  if (!isEscaped) return name;
  return name.replace(/#([0-9a-f]{2})/giu, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 16)),
  );
}
