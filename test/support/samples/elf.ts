/** A 64-bit program of two segments: its interpreter's name and its code. Nothing in it runs. */
export function buildElf({ isWritable = false } = {}): Buffer {
  const interpreter = Buffer.from('/lib64/ld-linux-x86-64.so.2\0', 'latin1');
  const code = Buffer.alloc(128, 0x90);
  const codeAt = 64 + 2 * 56 + interpreter.length;
  const header = Buffer.alloc(64);
  header.write('\x7fELF\x02\x01\x01', 'latin1');
  header.writeUInt16LE(2, 16);
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(0x400000 + codeAt), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(2, 56);
  const segment = (type: number, flags: number, offset: number, length: number) => {
    const entry = Buffer.alloc(56);
    entry.writeUInt32LE(type, 0);
    entry.writeUInt32LE(flags, 4);
    entry.writeBigUInt64LE(BigInt(offset), 8);
    entry.writeBigUInt64LE(BigInt(0x400000 + offset), 16);
    entry.writeBigUInt64LE(BigInt(length), 32);
    entry.writeBigUInt64LE(BigInt(length), 40);
    return entry;
  };
  const segments = [
    segment(3, 4, 64 + 2 * 56, interpreter.length),
    segment(1, isWritable ? 7 : 5, codeAt, code.length),
  ];
  return Buffer.concat([header, ...segments, interpreter, code]);
}
