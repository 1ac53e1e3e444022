import { createHash } from 'node:crypto';
import type { PortableExecutable } from '../../formats/pe/parse-pe.ts';
import { anomaly, type Finding } from './finding.ts';

interface Packer {
  readonly kind: 'packed' | 'installer' | 'bundle';
  readonly name: string;
  readonly sections?: RegExp;
  /** Bytes that the tool leaves, and where: in the overlay's head, in the file's tail, anywhere. */
  readonly mark?: { readonly bytes: Buffer; readonly where: 'overlay' | 'tail' | 'file' };
}

const overlayHeadBytes = 64 * 1024;
const tailBytes = 16 * 1024;

const latin1 = (text: string) => Buffer.from(text, 'latin1');

/** Section names and marks as the tools write them. A new one is added with a test. */
const packers: readonly Packer[] = [
  { kind: 'packed', name: 'UPX', sections: /^(?:upx[0-9!]|\.upx)/iu },
  { kind: 'packed', name: 'MPRESS', sections: /^\.mpress[0-9]/iu },
  { kind: 'packed', name: 'ASPack', sections: /^(?:\.aspack|\.adata)$/iu },
  { kind: 'packed', name: 'Petite', sections: /^\.petite$/iu },
  { kind: 'packed', name: 'NsPack', sections: /^\.?nsp[0-9]$/iu },
  { kind: 'packed', name: 'PECompact', sections: /^pec(?:[0-9]|ompact2)/iu },
  { kind: 'packed', name: 'VMProtect', sections: /^\.vmp[0-9]$/iu },
  { kind: 'packed', name: 'Themida or WinLicense', sections: /^\.(?:themida|winlice)/iu },
  { kind: 'packed', name: 'Enigma', sections: /^\.enigma[0-9]$/iu },
  {
    kind: 'installer',
    name: 'Nullsoft installer',
    sections: /^\.ndata$/u,
    mark: { bytes: latin1('\xef\xbe\xad\xdeNullsoftInst'), where: 'overlay' },
  },
  {
    kind: 'installer',
    name: 'Inno Setup',
    mark: { bytes: latin1('Inno Setup Setup Data ('), where: 'file' },
  },
  { kind: 'installer', name: 'InstallShield', mark: { bytes: latin1('ISSetupStream'), where: 'overlay' } },
  {
    kind: 'installer',
    name: '7-Zip self-extractor',
    mark: { bytes: latin1('7z\xbc\xaf\x27\x1c'), where: 'overlay' },
  },
  {
    kind: 'installer',
    name: 'RAR self-extractor',
    mark: { bytes: latin1('Rar!\x1a\x07'), where: 'overlay' },
  },
  {
    kind: 'installer',
    name: 'cabinet self-extractor',
    mark: { bytes: latin1('MSCF\0\0\0\0'), where: 'overlay' },
  },
  {
    kind: 'bundle',
    name: 'PyInstaller',
    mark: { bytes: latin1('MEI\x0c\x0b\x0a\x0b\x0e'), where: 'tail' },
  },
  {
    kind: 'bundle',
    name: '.NET single file',
    // The host finds its bundle by this digest.
    mark: { bytes: createHash('sha256').update('.net core bundle\n').digest(), where: 'file' },
  },
  { kind: 'bundle', name: 'AutoIt', mark: { bytes: latin1('AU3!EA06'), where: 'file' } },
];

const titles: Readonly<Record<Packer['kind'], (name: string) => string>> = {
  packed: (name) => `The code is packed with ${name}: what it does shows only when it runs.`,
  installer: (name) => `An installer or self-extractor (${name}): what it carries was not unpacked.`,
  bundle: (name) => `A program and its run-time in one file (${name}).`,
};

export interface PackerInput {
  readonly bytes: Buffer;
  readonly pe: Pick<PortableExecutable, 'sections' | 'overlay'>;
}

/** @returns what made the file; weak evidence, for honest vendors use the same tools */
export function recognizePackers({ bytes, pe }: PackerInput): readonly Finding[] {
  const overlay = bytes.subarray(bytes.length - pe.overlay.sizeBytes).subarray(0, overlayHeadBytes);
  const places = { overlay, tail: bytes.subarray(-tailBytes), file: bytes };
  return packers
    .filter(
      ({ sections, mark }) =>
        (sections !== undefined && pe.sections.some(({ name }) => sections.test(name))) ||
        (mark !== undefined && places[mark.where].includes(mark.bytes)),
    )
    .map(({ kind, name }) =>
      anomaly(
        kind === 'packed' ? 'low' : 'informational',
        `${kind}:${name
          .toLowerCase()
          .replaceAll(/[^a-z0-9]+/gu, '-')
          .replace(/^-/u, '')}`,
        titles[kind](name),
        kind === 'packed' ? { tactic: 'defense-evasion', techniques: ['T1027.002'] } : {},
      ),
    );
}
