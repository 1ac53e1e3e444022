import type { EcsFile } from '../../contracts/ecs.ts';
import type { Report } from '../../contracts/report.ts';
import type { PortableExecutable } from './parse-pe.ts';

/** What a report says of an executable: ECS where ECS has a name, `firebreak.pe` for the rest. */
export interface PeFacts {
  readonly pe: NonNullable<EcsFile['pe']>;
  readonly codeSignature: NonNullable<EcsFile['code_signature']>;
  readonly firebreakPe: NonNullable<NonNullable<Report['firebreak']>['pe']>;
}

const nameLength = 256;
const mostLibraries = 512;
/** Listed names fill a report; the whole number stands in `header.import_functions`. */
const mostFunctions = 2048;

function listImports(imports: PortableExecutable['imports']): NonNullable<PeFacts['pe']['imports']> {
  let left = mostFunctions;
  return imports.slice(0, mostLibraries).map(({ library, functions }) => {
    const listed = functions.slice(0, left);
    left -= listed.length;
    return {
      library: library.slice(0, nameLength),
      functions: listed.map((name) => name.slice(0, nameLength)),
    };
  });
}

/** @returns the strings of the version resource under their ECS names */
function versionFields({ versionStrings }: PortableExecutable): Partial<PeFacts['pe']> {
  const text = (name: string, most: number) => versionStrings.get(name)?.slice(0, most).toWellFormed();
  const fields = {
    company: text('CompanyName', 4096),
    description: text('FileDescription', 4096),
    file_version: text('FileVersion', nameLength),
    original_file_name: text('OriginalFilename', nameLength),
    product: text('ProductName', 4096),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/**
 * Turns what was parsed into the fields of a Report, cut to what the contract takes. A certificate table proves that
 * somebody signed, not that the signature is good: `exists` is all that is said of it.
 */
export function peFacts(executable: PortableExecutable): PeFacts {
  const { architecture, importHash, sections, imports, resources, overlay } = executable;
  return {
    pe: {
      ...(architecture !== undefined && { architecture }),
      ...versionFields(executable),
      ...(importHash !== null && { imphash: importHash }),
      imports: listImports(imports),
      sections: sections.map(({ name, physicalSizeBytes, virtualSizeBytes, entropy }) => ({
        name,
        physical_size: physicalSizeBytes,
        virtual_size: virtualSizeBytes,
        ...(entropy !== undefined && { entropy }),
      })),
    },
    codeSignature: { exists: executable.hasCertificateTable },
    firebreakPe: {
      header: { ...executable.header },
      overlay: { size: overlay.sizeBytes, entropy: overlay.entropy },
      ...(resources && { resources: { count: resources.count, entropy: resources.entropy } }),
      exports: { count: executable.exportCount },
    },
  };
}
