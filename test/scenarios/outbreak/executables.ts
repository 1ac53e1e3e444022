import { sha256Hex } from '../../../contracts/canonical.ts';
import type { ReportInput } from '../../../contracts/report.ts';

/**
 * Made-up executables by what their headers would say: ordinary programs as a current compiler links them, an installer
 * with a payload behind it, and a packed tool. No such files exist; their digests are of their names.
 */
export interface Executable {
  readonly name: string;
  readonly folder: string;
  readonly publisher?: string;
  readonly company?: string;
  readonly product?: string;
  readonly shape: 'program' | 'library' | 'installer' | 'packed';
  /** Makes sizes differ from one to the next. */
  readonly scale: number;
}

export const ordinaryExecutables: readonly Executable[] = [
  {
    name: 'ledger.exe',
    folder: 'C:\\Program Files\\Ledger',
    publisher: 'Ledger Software AB',
    company: 'Ledger Software',
    product: 'Ledger',
    shape: 'program',
    scale: 5,
  },
  {
    name: 'ledger-core.dll',
    folder: 'C:\\Program Files\\Ledger',
    publisher: 'Ledger Software AB',
    company: 'Ledger Software',
    product: 'Ledger',
    shape: 'library',
    scale: 9,
  },
  {
    name: 'viewer-setup.exe',
    folder: 'C:\\Users\\%user%\\Downloads',
    publisher: 'Papyrus Viewer Ltd',
    company: 'Papyrus',
    product: 'Papyrus Viewer',
    shape: 'installer',
    scale: 3,
  },
  {
    name: 'zip-tool-setup.exe',
    folder: 'C:\\Users\\%user%\\Downloads',
    shape: 'installer',
    scale: 2,
    company: 'Zip Tool',
    product: 'Zip Tool',
  },
  {
    name: 'fleet-agent.exe',
    folder: 'C:\\Program Files\\Meridian Fleet',
    publisher: 'Meridian Fleet Systems Ltd',
    company: 'Meridian Fleet Systems',
    product: 'Fleet Agent',
    shape: 'program',
    scale: 12,
  },
  {
    name: 'backup-agent.exe',
    folder: 'C:\\Program Files\\Harbor Backup',
    publisher: 'Harbor Backup GmbH',
    company: 'Harbor Backup',
    product: 'Harbor',
    shape: 'program',
    scale: 8,
  },
  {
    name: 'meeting.exe',
    folder: 'C:\\Users\\%user%\\AppData\\Local\\Meeting',
    publisher: 'Roundtable Inc.',
    company: 'Roundtable',
    product: 'Meeting',
    shape: 'program',
    scale: 20,
  },
  {
    name: 'codec.dll',
    folder: 'C:\\Users\\%user%\\AppData\\Local\\Meeting',
    publisher: 'Roundtable Inc.',
    company: 'Roundtable',
    product: 'Meeting',
    shape: 'library',
    scale: 14,
  },
  {
    name: 'label-printer.exe',
    folder: 'C:\\LabelWorks',
    shape: 'program',
    scale: 1,
    company: 'LabelWorks',
    product: 'Label Printer',
  },
  { name: 'build-tool.exe', folder: 'C:\\src\\portal\\target\\release', shape: 'program', scale: 6 },
];

const kib = 1024;
const align = (value: number, to: number) => Math.ceil(value / to) * to;

interface Shape {
  readonly sections: readonly (readonly [name: string, kib: number, entropy: number, virtualKib?: number])[];
  readonly imports: Readonly<Record<string, readonly string[]>>;
  readonly overlayKib: number;
  readonly is64Bit: boolean;
  readonly characteristics: number;
  readonly dllCharacteristics: number;
  readonly linker: number;
}

const commonImports = {
  'KERNEL32.dll':
    'CloseHandle CreateFileW GetLastError GetModuleHandleW GetProcAddress HeapAlloc HeapFree ReadFile WriteFile ExitProcess'.split(
      ' ',
    ),
  'USER32.dll': 'CreateWindowExW DispatchMessageW GetMessageW LoadIconW MessageBoxW'.split(' '),
  'ADVAPI32.dll': 'RegCloseKey RegOpenKeyExW RegQueryValueExW'.split(' '),
};

const shapes: Readonly<Record<Executable['shape'], Shape>> = {
  program: {
    sections: [
      ['.text', 96, 6.42],
      ['.rdata', 41, 5.21],
      ['.data', 4, 2.35, 9],
      ['.pdata', 6, 5.03],
      ['.rsrc', 22, 4.61],
      ['.reloc', 2, 5.12],
    ],
    imports: commonImports,
    overlayKib: 0,
    is64Bit: true,
    characteristics: 0x22,
    dllCharacteristics: 0x8160,
    linker: 14,
  },
  library: {
    sections: [
      ['.text', 140, 6.37],
      ['.rdata', 60, 5.44],
      ['.data', 5, 2.81, 11],
      ['.pdata', 9, 5.21],
      ['.rsrc', 2, 3.9],
      ['.reloc', 3, 5.2],
    ],
    imports: commonImports,
    overlayKib: 0,
    is64Bit: true,
    characteristics: 0x2022,
    dllCharacteristics: 0x160,
    linker: 14,
  },
  installer: {
    sections: [
      ['.text', 26, 6.45],
      ['.rdata', 5, 5.1],
      ['.data', 2, 4.1, 170],
      ['.ndata', 0, 0, 120],
      ['.rsrc', 48, 5.9],
    ],
    imports: commonImports,
    overlayKib: 900,
    is64Bit: false,
    characteristics: 0x10f,
    dllCharacteristics: 0x8540,
    linker: 6,
  },
  packed: {
    sections: [
      ['UPX0', 0, 0, 220],
      ['UPX1', 118, 7.91],
      ['.rsrc', 9, 4.4],
    ],
    imports: {
      'KERNEL32.DLL': 'LoadLibraryA GetProcAddress VirtualProtect VirtualAlloc ExitProcess'.split(' '),
      'WININET.dll': ['InternetOpenA'],
    },
    overlayKib: 0,
    is64Bit: false,
    characteristics: 0x10f,
    dllCharacteristics: 0,
    linker: 9,
  },
};

function headerOf(shape: Shape, scale: number, hasSignature: boolean): Record<string, number> {
  const grow = (size: number) => Math.round(size * kib * (1 + scale / 4));
  const [code, ...data] = shape.sections.map(([, size, , virtual]) =>
    Math.max(grow(size), grow(virtual ?? size)),
  );
  const dataBytes = data.reduce((sum, size) => sum + size, 0);
  const resourceBytes = grow(shape.sections.find(([name]) => name === '.rsrc')?.[1] ?? 0);
  const isPacked = shape.linker === 9;
  const codeBytes = isPacked ? align(data[0] ?? 0, 0x1000) : align(code ?? 0, 0x200);
  const baseOfCode = isPacked ? align((code ?? 0) + 0x1000, 0x1000) : 0x1000;
  const names = Object.values(shape.imports).flat().length;
  return {
    machine: shape.is64Bit ? 0x8664 : 0x14c,
    number_of_sections: shape.sections.length,
    pointer_to_symbol_table: 0,
    number_of_symbols: 0,
    size_of_optional_header: shape.is64Bit ? 240 : 224,
    characteristics: shape.characteristics,
    magic: shape.is64Bit ? 0x20b : 0x10b,
    major_linker_version: shape.linker,
    minor_linker_version: 0,
    size_of_code: codeBytes,
    size_of_initialized_data: align(isPacked ? resourceBytes : dataBytes, 0x200),
    size_of_uninitialized_data: isPacked ? align(code ?? 0, 0x1000) : 0,
    address_of_entry_point: isPacked ? baseOfCode + codeBytes - 0x2c0 : 0x1000 + Math.round(codeBytes * 0.6),
    base_of_code: baseOfCode,
    image_base: shape.is64Bit ? 0x140000000 : 0x400000,
    section_alignment: 0x1000,
    file_alignment: 0x200,
    size_of_image: align(0x1000 + (code ?? 0) + dataBytes + shape.sections.length * 0x800, 0x1000),
    size_of_headers: 0x400,
    checksum: hasSignature ? 0x51a00 + scale : 0,
    subsystem: 2,
    dll_characteristics: shape.dllCharacteristics,
    size_of_stack_reserve: 0x100000,
    size_of_stack_commit: 0x1000,
    size_of_heap_reserve: 0x100000,
    size_of_heap_commit: 0x1000,
    loader_flags: 0,
    number_of_rva_and_sizes: 16,
    directory_export_size: shape.characteristics >= 0x2000 ? 0x1c0 : 0,
    directory_import_size: 20 * (Object.keys(shape.imports).length + 1),
    directory_resource_size: resourceBytes,
    directory_exception_size: shape.is64Bit ? 0x1500 : 0,
    directory_security_size: hasSignature ? 10_240 : 0,
    directory_base_relocation_size: shape.is64Bit ? 0x700 : 0,
    directory_debug_size: shape.linker === 14 ? 0x70 : 0,
    directory_tls_size: 0,
    directory_load_config_size: shape.linker === 14 ? 0x140 : 0,
    directory_iat_size: names * (shape.is64Bit ? 8 : 4),
    directory_delay_import_size: 0,
    directory_com_descriptor_size: 0,
    import_libraries: Object.keys(shape.imports).length,
    import_functions: names,
    entry_point_section: isPacked ? 1 : 0,
    writable_executable_sections: isPacked ? 2 : 0,
    rich_header: shape.linker >= 9 ? 1 : 0,
  };
}

/** @returns the parts of a report that describe the file */
export function describeExecutable(
  { name, folder, publisher, company, product, shape: kind, scale }: Executable,
  user: string,
): Pick<ReportInput, 'artifact' | 'file' | 'firebreak'> {
  const shape = shapes[kind];
  const grow = (size: number) => align(size * kib * (1 + scale / 4), 0x200);
  const sections = shape.sections.map(([section, size, entropy, virtual]) => ({
    name: section,
    entropy,
    physical_size: grow(size),
    virtual_size: grow(virtual ?? size),
  }));
  const overlayBytes = shape.overlayKib * kib * scale;
  return {
    artifact: { kind: 'file', hash: { sha256: sha256Hex(`outbreak scenario file ${name}`) } },
    file: {
      name,
      path: `${folder.replace('%user%', user)}\\${name}`,
      extension: name.slice(name.lastIndexOf('.') + 1),
      size: sections.reduce((sum, section) => sum + section.physical_size, 0x400) + overlayBytes,
      pe: {
        architecture: shape.is64Bit ? 'x64' : 'x86',
        ...(company !== undefined && { company }),
        ...(product !== undefined && { product, original_file_name: name }),
        imports: Object.entries(shape.imports).map(([library, functions]) => ({
          library,
          functions: [...functions],
        })),
        sections,
      },
      code_signature:
        publisher === undefined
          ? { exists: false }
          : { exists: true, valid: true, trusted: true, subject_name: publisher },
    },
    firebreak: {
      pe: {
        header: headerOf(shape, scale, publisher !== undefined),
        overlay: { size: overlayBytes, ...(overlayBytes > 0 && { entropy: 7.98 }) },
        resources: { count: 12, entropy: 4.6 },
        exports: { count: kind === 'library' ? 14 : 0 },
      },
    },
  };
}
