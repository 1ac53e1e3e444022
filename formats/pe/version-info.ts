import { take } from '../take.ts';

interface Block {
  readonly key: string;
  readonly value: Buffer;
  readonly children: Buffer;
  readonly length: number;
}

const align = (offset: number) => (offset + 3) & ~3;
const mostStrings = 256;

/** Reads one block of a version resource: lengths, UTF-16 key, value, children, each at a multiple of four. */
function readBlock(bytes: Buffer): Block | null {
  const head = take(bytes, 0, 6);
  if (!head) return null;
  const length = head.readUInt16LE(0);
  const body = take(bytes, 0, length);
  if (!body || length < 8) return null;
  let keyEnd = 6;
  while (keyEnd + 1 < length && body.readUInt16LE(keyEnd) !== 0) keyEnd += 2;
  const valueStart = align(keyEnd + 2);
  const isText = head.readUInt16LE(4) === 1;
  // Compilers disagree whether the value length of text counts bytes or characters; the block's own length bounds both.
  const valueBytes = head.readUInt16LE(2) * (isText ? 2 : 1);
  const valueEnd = Math.min(length, valueStart + valueBytes);
  return {
    key: body.toString('utf16le', 6, keyEnd),
    value: body.subarray(Math.min(valueStart, valueEnd), valueEnd),
    children: body.subarray(Math.min(length, align(valueEnd))),
    length,
  };
}

function* readBlocks(bytes: Buffer): Generator<Block> {
  let rest = bytes;
  for (let index = 0; index < mostStrings; index += 1) {
    const block = readBlock(rest);
    if (!block) return;
    yield block;
    rest = rest.subarray(Math.min(rest.length, align(block.length)));
  }
}

function textOf(value: Buffer): string {
  const text = value.toString('utf16le', 0, value.length - (value.length % 2));
  return (text.split('\0', 1)[0] ?? '').trim().toWellFormed();
}

/** @returns the strings of the first string table of a version resource by name (`CompanyName`, …); empty where there are none */
export function readVersionStrings(resource: Buffer): ReadonlyMap<string, string> {
  const strings = new Map<string, string>();
  const root = readBlock(resource);
  if (!root || root.key !== 'VS_VERSION_INFO') return strings;
  for (const group of readBlocks(root.children)) {
    if (group.key !== 'StringFileInfo') continue;
    const table = readBlock(group.children);
    if (!table) continue;
    for (const { key, value } of readBlocks(table.children)) {
      const text = textOf(value);
      if (text !== '' && !strings.has(key)) strings.set(key, text);
    }
    break;
  }
  return strings;
}
