/**
 * Builds small portable executables byte by byte, so that the parser is tested on files whose every fact is known and
 * that harm nobody. They have a loadable shape; nothing in them runs.
 */
export interface PeRecipe {
  readonly is64Bit: boolean;
  readonly code: Buffer;
  readonly codeCharacteristics?: number;
  /** Library to functions; a number is an import by ordinal. */
  readonly imports?: Readonly<Record<string, readonly (string | number)[]>>;
  readonly exports?: number;
  readonly versionStrings?: Readonly<Record<string, string>>;
  readonly overlay?: Buffer;
  readonly certificate?: Buffer;
  readonly richHeader?: boolean;
}

interface PlacedSection {
  readonly name: string;
  readonly address: number;
  readonly rawOffset: number;
  readonly data: Buffer;
  readonly characteristics: number;
}

const fileAlignment = 0x200;
const sectionAlignment = 0x1000;
const headersBytes = 0x400;
const peOffset = 0x100;
const roundUp = (value: number, to: number) => Math.ceil(value / to) * to;
const zeroTerminated = (text: string) => Buffer.from(`${text}\0`, 'latin1');

function u16(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 2);
  values.forEach((value, index) => bytes.writeUInt16LE(value, index * 2));
  return bytes;
}

function u32(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32LE(value, index * 4));
  return bytes;
}

function importSection(imports: NonNullable<PeRecipe['imports']>, base: number, is64Bit: boolean): Buffer {
  const libraries = Object.entries(imports);
  const width = is64Bit ? 8 : 4;
  const chunks: Buffer[] = [Buffer.alloc((libraries.length + 1) * 20)];
  let used = chunks[0]?.length ?? 0;
  const place = (chunk: Buffer): number => {
    chunks.push(chunk);
    used += chunk.length;
    return base + used - chunk.length;
  };
  const descriptors = libraries.map(([library, functions]) => {
    const thunks = functions.map((wanted) => {
      const thunk = Buffer.alloc(width);
      thunk.writeUInt32LE(
        typeof wanted === 'number' ? wanted : place(Buffer.concat([u16(0), zeroTerminated(wanted)])),
      );
      if (typeof wanted === 'number') thunk.writeUInt8(0x80, width - 1);
      return thunk;
    });
    const table = Buffer.concat([...thunks, Buffer.alloc(width)]);
    return u32(place(table), 0, 0, place(zeroTerminated(library)), place(table));
  });
  const section = Buffer.concat(chunks);
  Buffer.concat(descriptors).copy(section);
  return section;
}

function versionBlock(key: string, value: Buffer, isText: boolean, children: readonly Buffer[]): Buffer {
  const pad = (bytes: Buffer) =>
    Buffer.concat([bytes, Buffer.alloc(roundUp(bytes.length, 4) - bytes.length)]);
  const head = pad(Buffer.concat([Buffer.alloc(6), Buffer.from(`${key}\0`, 'utf16le')]));
  const block = Buffer.concat([pad(Buffer.concat([head, value])), ...children.map(pad)]);
  block.writeUInt16LE(block.length, 0);
  block.writeUInt16LE(isText ? value.length / 2 : value.length, 2);
  block.writeUInt16LE(Number(isText), 4);
  return block;
}

function versionResource(strings: NonNullable<PeRecipe['versionStrings']>): Buffer {
  const entries = Object.entries(strings).map(([key, text]) =>
    versionBlock(key, Buffer.from(`${text}\0`, 'utf16le'), true, []),
  );
  const none = Buffer.alloc(0);
  const table = versionBlock('040904b0', none, true, entries);
  const fixed = Buffer.concat([u32(0xfeef04bd), Buffer.alloc(48)]);
  return versionBlock('VS_VERSION_INFO', fixed, false, [versionBlock('StringFileInfo', none, true, [table])]);
}

/** Three levels of one entry each: type 16, name 1, language 0x409. */
function resourceSection(resource: Buffer, base: number): Buffer {
  const level = (id: number, target: number) => Buffer.concat([Buffer.alloc(12), u16(0, 1), u32(id, target)]);
  const inner = 0x80000000;
  const leaf = u32(base + 88, resource.length, 0, 0);
  return Buffer.concat([level(16, inner + 24), level(1, inner + 48), level(0x409, 72), leaf, resource]);
}

function exportSection(count: number, base: number): Buffer {
  const addresses = u32(...Array.from({ length: count }, () => 0x1000));
  const directory = u32(0, 0, 0, base + 40 + addresses.length, 1, count, 0, base + 40, 0, 0);
  return Buffer.concat([directory, addresses, zeroTerminated('synthetic.dll')]);
}

function placeSections(recipe: PeRecipe): readonly PlacedSection[] {
  const { imports, exports, versionStrings } = recipe;
  const makers: [string, number, (base: number) => Buffer][] = [
    ['.text', recipe.codeCharacteristics ?? 0x60000020, () => recipe.code],
  ];
  if (imports) makers.push(['.idata', 0xc0000040, (base) => importSection(imports, base, recipe.is64Bit)]);
  if (exports !== undefined) makers.push(['.edata', 0x40000040, (base) => exportSection(exports, base)]);
  if (versionStrings) {
    makers.push(['.rsrc', 0x40000040, (base) => resourceSection(versionResource(versionStrings), base)]);
  }
  let [address, rawOffset] = [sectionAlignment, headersBytes];
  return makers.map(([name, characteristics, make]) => {
    const data = make(address);
    const section = { name, address, rawOffset, data, characteristics };
    address += roundUp(Math.max(1, data.length), sectionAlignment);
    rawOffset += roundUp(data.length, fileAlignment);
    return section;
  });
}

function optionalHeader(recipe: PeRecipe, sections: readonly PlacedSection[], certificateAt: number): Buffer {
  const { is64Bit } = recipe;
  const last = sections.at(-1);
  const imageBytes = roundUp((last?.address ?? 0) + (last?.data.length ?? 0), sectionAlignment);
  const word = (value: number) => (is64Bit ? u32(value, 0) : u32(value));
  const directories = Buffer.alloc(16 * 8);
  const point = (index: number, address: number, size: number) =>
    u32(address, size).copy(directories, index * 8);
  for (const [index, name] of [
    [0, '.edata'],
    [1, '.idata'],
    [2, '.rsrc'],
  ] as const) {
    const section = sections.find((candidate) => candidate.name === name);
    if (section) point(index, section.address, section.data.length);
  }
  if (recipe.certificate) point(4, certificateAt, recipe.certificate.length);
  return Buffer.concat([
    u16(is64Bit ? 0x20b : 0x10b),
    Buffer.from([14, 29]),
    u32(recipe.code.length, 0x200, 0, sectionAlignment, sectionAlignment),
    is64Bit ? u32(0x40000000, 1) : u32(0x2000, 0x400000),
    u32(sectionAlignment, fileAlignment),
    u16(6, 0, 0, 0, 6, 0),
    u32(0, imageBytes, headersBytes, 0),
    u16(3, 0x8160),
    ...[0x100000, 0x1000, 0x100000, 0x1000].map(word),
    u32(0, 16),
    directories,
  ]);
}

/** @returns the whole file */
export function buildPe(recipe: PeRecipe): Buffer {
  const sections = placeSections(recipe);
  const end = Math.max(
    ...sections.map(({ rawOffset, data }) => rawOffset + roundUp(data.length, fileAlignment)),
  );
  const overlay = recipe.overlay ?? Buffer.alloc(0);
  const file = Buffer.alloc(end + overlay.length + (recipe.certificate?.length ?? 0));
  file.write('MZ', 0, 'latin1');
  file.writeUInt32LE(peOffset, 60);
  if (recipe.richHeader === true) file.write('Rich', 0x90, 'latin1');
  const optional = optionalHeader(recipe, sections, end + overlay.length);
  const fileHeader = Buffer.concat([
    u16(recipe.is64Bit ? 0x8664 : 0x14c, sections.length),
    u32(1_700_000_000, 0, 0),
    u16(optional.length, 0x22),
  ]);
  const table = sections.map(({ name, address, rawOffset, data, characteristics }) =>
    Buffer.concat([
      Buffer.from(name.padEnd(8, '\0'), 'latin1'),
      u32(data.length, address, roundUp(data.length, fileAlignment), rawOffset, 0, 0, 0, characteristics),
    ]),
  );
  Buffer.concat([Buffer.from('PE\0\0', 'latin1'), fileHeader, optional, ...table]).copy(file, peOffset);
  for (const { rawOffset, data } of sections) data.copy(file, rawOffset);
  overlay.copy(file, end);
  recipe.certificate?.copy(file, end + overlay.length);
  return file;
}
