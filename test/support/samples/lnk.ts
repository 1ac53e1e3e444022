export interface LnkRecipe {
  readonly path: string;
  readonly commandLine: string;
  readonly iconLocation?: string;
  readonly showCommand?: number;
}

/** A shortcut with a relative path, arguments and an icon, in UTF-16. */
export function buildLnk({ path, commandLine, iconLocation = '', showCommand = 1 }: LnkRecipe): Buffer {
  const header = Buffer.alloc(76);
  header.writeUInt32LE(76, 0);
  Buffer.from('0114020000000000c000000000000046', 'hex').copy(header, 4);
  header.writeUInt32LE(0x08 | 0x20 | 0x40 | 0x80, 20);
  header.writeUInt32LE(showCommand, 60);
  const texts = [path, commandLine, iconLocation].map((text) => {
    const length = Buffer.alloc(2);
    length.writeUInt16LE(text.length);
    return Buffer.concat([length, Buffer.from(text, 'utf16le')]);
  });
  return Buffer.concat([header, ...texts, Buffer.alloc(4)]);
}
