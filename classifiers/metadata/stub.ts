import type { ExecutableFacts, PeHeaderField } from './features.ts';

/**
 * A file whose header belongs to a stub, not to what it carries: an installer or a packer. Malice and honest work look the
 * same from outside then, so whatever the model says of it is weak evidence.
 */
export interface Stub {
  readonly code: 'installer-stub' | 'packed';
  readonly title: string;
}

interface StubKind extends Stub {
  readonly sections?: RegExp;
  readonly header?: (header: Readonly<Record<RequiredField, number>>) => boolean;
}

const requiredFields = [
  'size_of_code',
  'size_of_uninitialized_data',
  'address_of_entry_point',
  'base_of_code',
  'characteristics',
] as const satisfies readonly PeHeaderField[];
type RequiredField = (typeof requiredFields)[number];

const isProgram = (characteristics: number) => Math.floor(characteristics / 0x2000) % 2 === 0;
const hasReversedBytes = (characteristics: number) => Math.floor(characteristics / 0x8000) % 2 === 1;

/** Size of code and entry point of each stub that distutils (`bdist_wininst`) has shipped; its makers never built them anew. */
const distutilsStubs: readonly (readonly [number, number])[] = [
  [24_576, 27_871],
  [28_672, 27_885],
  [24_576, 26_935],
  [144_896, 47_294],
  [154_112, 58_120],
  [137_728, 47_669],
  [148_992, 57_804],
  [367_616, 32_570],
  [442_368, 38_856],
];

/** Figures are those of the stubs that the tools have put in front of their archives since 2002; a new one is added with a test. */
const kinds: readonly StubKind[] = [
  {
    code: 'installer-stub',
    title: 'The header is that of a Nullsoft installer, whatever it installs.',
    sections: /^\.ndata$/,
    header: (h) =>
      isProgram(h.characteristics) &&
      h.size_of_code >= 20_000 &&
      h.size_of_code <= 30_000 &&
      h.size_of_uninitialized_data >= 1000 &&
      h.address_of_entry_point >= 0x2f00 &&
      h.address_of_entry_point <= 0x4100,
  },
  {
    code: 'installer-stub',
    title: 'The header is that of an Inno Setup installer, whatever it installs.',
    header: (h) =>
      isProgram(h.characteristics) &&
      hasReversedBytes(h.characteristics) &&
      h.size_of_code <= 110_000 &&
      h.address_of_entry_point - h.base_of_code > 0.88 * h.size_of_code,
  },
  {
    code: 'installer-stub',
    title: 'The header is that of an installer made by Python’s distutils, whatever it installs.',
    header: (h) =>
      distutilsStubs.some(([code, entry]) => h.size_of_code === code && h.address_of_entry_point === entry),
  },
  {
    code: 'packed',
    title: 'The code is packed: what it does shows only when it runs.',
    sections:
      /^(?:upx[0-9!]|\.upx|\.?aspack|\.adata|\.mpress[0-9]|\.nsp[0-9]|nsp[0-9]|pec[0-9]|pecompact2|\.petite|\.vmp[0-9]|\.themida|\.winlice|\.enigma[0-9]|fsg!|mew|\.yp|\.packed)$/i,
    header: (h) => h.size_of_uninitialized_data >= 0x1000 && h.base_of_code > h.size_of_uninitialized_data,
  },
];

function matches({ sections, header }: StubKind, { header: fields, report }: ExecutableFacts): boolean {
  const names = report.file?.pe?.sections ?? [];
  if (sections !== undefined && names.some(({ name }) => name !== undefined && sections.test(name)))
    return true;
  const [code, blank, entry, base, characteristics] = requiredFields.map((name) => fields[name]);
  if (code === undefined || blank === undefined || entry === undefined) return false;
  if (base === undefined || characteristics === undefined || header === undefined) return false;
  return header({
    size_of_code: code,
    size_of_uninitialized_data: blank,
    address_of_entry_point: entry,
    base_of_code: base,
    characteristics,
  });
}

/** @returns which stub the header belongs to, or undefined */
export function recognizeStub(facts: ExecutableFacts): Stub | undefined {
  const kind = kinds.find((candidate) => matches(candidate, facts));
  return kind && { code: kind.code, title: kind.title };
}
