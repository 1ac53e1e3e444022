import { finish, FNV_OFFSET, hashText } from '../hashing.ts';

/** So much of a blob is looked at, however long it is: public data keeps no more of one. */
export const blobPrefixUnits = 160;

const marker = (name: string) => finish(hashText(FNV_OFFSET, `\u0001${name}`));
const BLOB = marker('blob');
const [HEX_BLOB, TEXT_BLOB] = [marker('blob-hex'), marker('blob-text')];
/** What the first bytes of a blob say that it is. `code`: how position-independent code of common makers begins. */
const magics: readonly (readonly [bytes: readonly number[], code: number])[] = [
  [[0x1f, 0x8b], marker('blob-compressed')],
  [[0x4d, 0x5a], marker('blob-program')],
  [[0x50, 0x4b, 0x03], marker('blob-archive')],
  [[0xfc, 0xe8], marker('blob-code')],
  [[0xfc, 0x48], marker('blob-code')],
  [[0x30, 0x82], marker('blob-certificate')],
  [[0xff, 0xd8, 0xff], marker('blob-picture')],
  [[0x89, 0x50, 0x4e, 0x47], marker('blob-picture')],
];

export interface Blob {
  readonly codes: readonly number[];
  /** Where it is text in base64. */
  readonly text: string | undefined;
}

/** @param prefix the first code units of a blob, all of them letters, digits, `+`, `/` and `=` */
export function readBlob(prefix: Uint16Array): Blob {
  const written = String.fromCharCode(...prefix);
  if (/^[0-9a-f]+$/iu.test(written)) return { codes: [BLOB, HEX_BLOB], text: undefined };
  const bytes = Buffer.from(written, 'base64');
  const magic = magics.find(([start]) => start.every((byte, index) => bytes[index] === byte));
  if (magic !== undefined) return { codes: [BLOB, magic[1]], text: undefined };
  const text = textIn(bytes);
  return text === undefined ? { codes: [BLOB], text } : { codes: [BLOB, TEXT_BLOB], text };
}

/** UTF-16 or ASCII that is text. */
function textIn(bytes: Buffer): string | undefined {
  const wide = bytes.filter((byte, index) => index % 2 === 1 && byte === 0).length > bytes.length * 0.4;
  const text = wide
    ? bytes.subarray(0, bytes.length - (bytes.length % 2)).toString('utf16le')
    : bytes.toString('latin1');
  const readable = text.replace(/[^\t\r\n\x20-\x7e]/gu, '').length;
  return text.length > 0 && readable >= text.length * 0.9 ? text : undefined;
}
