import { buildPe } from './pe-builder.ts';

/** A 32-bit program with two libraries, one import by ordinal, and code that may be written. */
export const plain32 = buildPe({
  is64Bit: false,
  code: Buffer.from(Uint8Array.from({ length: 0x400 }, (_, index) => index % 256)),
  codeCharacteristics: 0xe0000020,
  imports: { 'KERNEL32.dll': ['LoadLibraryA', 'GetProcAddress', 'VirtualProtect'], 'MFC42.DLL': [815] },
});

/** A 64-bit library with exports, version strings, a linker's mark, an overlay and a certificate table. */
export const rich64 = buildPe({
  is64Bit: true,
  code: Buffer.alloc(0x200, 0x90),
  imports: { 'ADVAPI32.dll': ['OpenProcessToken'], 'custom.drv': ['Start', '?run@@YAXXZ'] },
  exports: 3,
  versionStrings: {
    CompanyName: 'Example Works',
    ProductName: 'Synthetic Sample',
    OriginalFilename: 'sample.dll',
    FileDescription: 'A sample – für Tests',
    FileVersion: '1.2.3.4',
  },
  overlay: Buffer.from('appended data that no section holds'),
  certificate: Buffer.alloc(64, 7),
  richHeader: true,
});
