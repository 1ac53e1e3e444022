/** Compound files as Office writes them, with a few small streams. */
export interface OleEntry {
  readonly name: string;
  /** Absent for a storage. */
  readonly content?: Buffer;
}

const sectorBytes = 512;
const miniBytes = 64;
const endOfChain = 0xfffffffe;
const pad = (bytes: Buffer, to: number) =>
  Buffer.concat([bytes, Buffer.alloc(Math.ceil(bytes.length / to) * to - bytes.length)]);

function directoryEntry(name: string, kind: number, start: number, sizeBytes: number): Buffer {
  const entry = Buffer.alloc(128);
  entry.write(name, 0, 'utf16le');
  entry.writeUInt16LE((name.length + 1) * 2, 64);
  entry.writeUInt8(kind, 66);
  entry.writeUInt32LE(start, 116);
  entry.writeUInt32LE(sizeBytes, 120);
  return entry;
}

/** Sectors in their order: table, directory, table of small sectors, small sectors. Streams stay below 4096 bytes. */
export function buildOle(entries: readonly OleEntry[]): Buffer {
  const minis: Buffer[] = [];
  const miniNext: number[] = [];
  const listed = entries.map(({ name, content }) => {
    if (content === undefined) return directoryEntry(name, 1, 0, 0);
    const start = miniNext.length;
    const padded = pad(content, miniBytes);
    minis.push(padded);
    for (let index = 1; index < padded.length / miniBytes; index += 1) miniNext.push(start + index);
    miniNext.push(endOfChain);
    return directoryEntry(name, 2, start, content.length);
  });
  const container = pad(Buffer.concat(minis), sectorBytes);
  const miniTable = Buffer.alloc(Math.ceil((miniNext.length * 4) / sectorBytes) * sectorBytes, 0xff);
  miniNext.forEach((next, index) => miniTable.writeUInt32LE(next, index * 4));
  const directoryLength = pad(Buffer.alloc((listed.length + 1) * 128), sectorBytes).length;
  const miniTableAt = 1 + directoryLength / sectorBytes;
  const containerAt = miniTableAt + miniTable.length / sectorBytes;
  const root = directoryEntry('Root Entry', 5, containerAt, container.length);
  const directory = pad(Buffer.concat([root, ...listed]), sectorBytes);
  const table = Buffer.alloc(sectorBytes, 0xff);
  table.writeUInt32LE(0xfffffffd, 0);
  const chain = (from: number, length: number) => {
    for (let index = 0; index < length; index += 1) {
      table.writeUInt32LE(index === length - 1 ? endOfChain : from + index + 1, (from + index) * 4);
    }
  };
  chain(1, directory.length / sectorBytes);
  chain(miniTableAt, miniTable.length / sectorBytes);
  chain(containerAt, container.length / sectorBytes);
  const header = Buffer.alloc(sectorBytes, 0xff);
  header.fill(0, 0, 76);
  Buffer.from('d0cf11e0a1b11ae1', 'hex').copy(header);
  header.writeUInt16LE(0x3e, 24);
  header.writeUInt16LE(3, 26);
  header.writeUInt16LE(0xfffe, 28);
  header.writeUInt16LE(9, 30);
  header.writeUInt16LE(6, 32);
  header.writeUInt32LE(1, 44);
  header.writeUInt32LE(1, 48);
  header.writeUInt32LE(4096, 56);
  header.writeUInt32LE(miniTableAt, 60);
  header.writeUInt32LE(miniTable.length / sectorBytes, 64);
  header.writeUInt32LE(endOfChain, 68);
  header.writeUInt32LE(0, 76);
  return Buffer.concat([header, table, directory, miniTable, container]);
}

/** A macro module as a stream holds it: compiled code, here some bytes, then the packed text, here as literals alone. */
export function macroStream(source: string): Buffer {
  const text = Buffer.from(`Attribute VB_Name = "Module1"\r\n${source}`, 'latin1');
  const groups: Buffer[] = [];
  for (let offset = 0; offset < text.length; offset += 8) {
    groups.push(Buffer.from([0]), text.subarray(offset, offset + 8));
  }
  const data = Buffer.concat(groups);
  const head = Buffer.alloc(3);
  head.writeUInt8(1, 0);
  head.writeUInt16LE(0xb000 | (data.length - 1), 1);
  return Buffer.concat([Buffer.alloc(40, 0x33), head, data]);
}

/** @returns a macro project, as it lies in a document or as `vbaProject.bin` of one */
export function macroProject(source: string): Buffer {
  return buildOle([
    { name: 'VBA' },
    { name: '_VBA_PROJECT', content: Buffer.from('cc61', 'hex') },
    { name: 'Module1', content: macroStream(source) },
  ]);
}
