import { describe, expect, test } from '@jest/globals';
import { parseElf } from '../../formats/elf/parse-elf.ts';
import { parseLnk } from '../../formats/lnk/parse-lnk.ts';
import { readCompoundFile } from '../../formats/ole/compound-file.ts';
import { decompress, hasMacros, readMacros } from '../../formats/ole/vba.ts';
import { scanPdf } from '../../formats/pdf/scan-pdf.ts';
import { listZip, unpackZipEntry } from '../../formats/zip/read-zip.ts';
import { buildElf } from '../support/samples/elf.ts';
import { buildLnk } from '../support/samples/lnk.ts';
import { buildOle, macroProject } from '../support/samples/ole.ts';
import { buildPdf } from '../support/samples/pdf.ts';
import { buildZip } from '../support/samples/zip.ts';

const mebibyte = 1024 * 1024;

describe('ELF', () => {
  test('header, segments and interpreter are read', () => {
    expect(parseElf(buildElf({ isWritable: true }))).toMatchObject({
      is64Bit: true,
      isBigEndian: false,
      type: 2,
      machine: 62,
      interpreter: '/lib64/ld-linux-x86-64.so.2',
      segments: [
        { type: 3, holdsEntryPoint: false },
        { type: 1, holdsEntryPoint: true, isWritable: true, isExecutable: true },
      ],
    });
    expect(parseElf(buildElf().subarray(0, 40))).toBeNull();
  });
});

describe('ZIP', () => {
  const content = Buffer.from('letter '.repeat(100));
  const archive = buildZip([
    { name: 'a/letter.txt', content },
    { name: 'closed.exe', content, isEncrypted: true },
    { name: 'large', content: Buffer.alloc(mebibyte), claimedBytes: 10 },
  ]);

  test('entries are listed and unpacked, also behind a stub', () => {
    const shifted = Buffer.concat([Buffer.from('MZ stub'), archive]);
    for (const bytes of [archive, shifted]) {
      const entries = listZip(bytes);
      expect(entries?.map(({ name }) => name)).toEqual(['a/letter.txt', 'closed.exe', 'large']);
      const [letter] = entries ?? [];
      expect(letter && unpackZipEntry(bytes, letter, mebibyte)).toEqual(content);
    }
  });

  test('what is encrypted, larger than the limit or larger than it claims stays closed', () => {
    const [letter, closed, large] = listZip(archive) ?? [];
    expect(letter && unpackZipEntry(archive, letter, 10)).toBeNull();
    expect(closed && unpackZipEntry(archive, closed, mebibyte)).toBeNull();
    expect(large && unpackZipEntry(archive, large, 1000)).toBeNull();
  });
});

describe('OLE', () => {
  test('streams are read and macros decompressed', () => {
    const file = readCompoundFile(macroProject('Sub AutoOpen()\r\nEnd Sub\r\n'));
    expect(file?.entries.map(({ name }) => name)).toEqual(['Root Entry', 'VBA', '_VBA_PROJECT', 'Module1']);
    expect(file && hasMacros(file)).toBe(true);
    expect(file && readMacros(file, mebibyte).toString('latin1')).toBe(
      'Attribute VB_Name = "Module1"\r\nSub AutoOpen()\r\nEnd Sub\r\n',
    );
  });

  test('back references are followed', () => {
    // The example of [MS-OVBA] 3.2.2 in structure: text, then copies of it.
    const chunk = Buffer.from([0b1000, 0x61, 0x62, 0x63, 0x06, 0x20]);
    const head = Buffer.alloc(2);
    head.writeUInt16LE(0xb000 | (chunk.length - 1));
    expect(decompress(Buffer.concat([head, chunk]), 100).toString('latin1')).toBe('abcabcabcabc');
  });

  test('a chain that points at itself ends', () => {
    const bytes = buildOle([{ name: 'Contents', content: Buffer.alloc(600, 7) }]);
    for (let sector = 0; sector < 6; sector += 1) bytes.writeUInt32LE(sector, 512 + sector * 4);
    const file = readCompoundFile(bytes);
    const entry = file?.entries.find(({ name }) => name === 'Contents');
    expect(file && entry && file.readStream(entry, mebibyte).length).toBeLessThanOrEqual(bytes.length);
  });
});

describe('PDF', () => {
  test('names are counted in the open, written in hexadecimal and in packed streams', () => {
    const pdf = scanPdf(
      buildPdf('/Open#41ction 4 0 R /Pages2 1 0 R', '<< /S /JavaScript /JS (x) >>'),
      mebibyte,
    );
    expect(pdf?.names).toMatchObject({ OpenAction: 1, JavaScript: 1, JS: 1, Launch: 0 });
    expect(pdf?.unpacked.toString()).toContain('/JavaScript');
    expect(scanPdf(Buffer.from('no document'), mebibyte)).toBeNull();
  });

  test('streams unpack no further than the limit', () => {
    expect(scanPdf(buildPdf('', 'x'.repeat(100_000)), 1000)?.unpacked.length).toBe(0);
  });
});

describe('LNK', () => {
  test('path, arguments, icon and window are read', () => {
    const bytes = buildLnk({
      path: '..\\cmd.exe',
      commandLine: '/c ver',
      iconLocation: 'a.pdf',
      showCommand: 7,
    });
    expect(parseLnk(bytes)).toMatchObject({
      relativePath: '..\\cmd.exe',
      commandLine: '/c ver',
      iconLocation: 'a.pdf',
      showCommand: 7,
      trailingBytes: 0,
    });
    expect(parseLnk(Buffer.concat([bytes, Buffer.alloc(9)]))?.trailingBytes).toBe(9);
    expect(parseLnk(bytes.subarray(0, 70))).toBeNull();
  });
});
