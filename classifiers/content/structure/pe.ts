import { readImage, sectionAt, type PeImage } from '../../../formats/pe/image.ts';
import { describeImage, type PortableExecutable } from '../../../formats/pe/parse-pe.ts';
import { peFacts } from '../../../formats/pe/pe-facts.ts';
import { anomaly, type FileFacts, type Finding, type Structure } from '../finding.ts';
import { recognizePackers } from '../packers.ts';

interface Subject {
  readonly bytes: Buffer;
  readonly image: PeImage;
  readonly pe: PortableExecutable;
  readonly isPacked: boolean;
}

interface Check {
  readonly finding: Finding;
  readonly holds: (subject: Subject) => boolean;
}

const executableFlag = 0x20000000;
const writableFlag = 0x80000000;
const packedEntropy = 7.2;
const leastPackedBytes = 4096;

const hasFlag = (characteristics: number, flag: number) => (characteristics & flag) !== 0;

function entrySection({ image }: Subject) {
  const entry = image.fields['address_of_entry_point'] ?? 0;
  return entry === 0 ? undefined : sectionAt(image, entry);
}

function isManaged({ image }: Subject): boolean {
  return (image.directories.com_descriptor?.address ?? 0) !== 0;
}

/** All of them happen in honest software too: none weighs enough to decide, whatever stands beside it. */
const checks: readonly Check[] = [
  {
    finding: anomaly('low', 'packed-code', 'The code is compressed or encrypted, by no tool known here.', {
      tactic: 'defense-evasion',
      techniques: ['T1027.002'],
    }),
    holds: (subject) =>
      !subject.isPacked &&
      subject.image.sections.some(
        ({ characteristics }, index) =>
          hasFlag(characteristics, executableFlag) &&
          (subject.pe.sections[index]?.physicalSizeBytes ?? 0) >= leastPackedBytes &&
          (subject.pe.sections[index]?.entropy ?? 0) > packedEntropy,
      ),
  },
  {
    finding: anomaly(
      'low',
      'entry-in-writable-code',
      'It starts in code that may be overwritten while it runs.',
    ),
    holds: (subject) => {
      const flags = entrySection(subject)?.characteristics ?? 0;
      return !subject.isPacked && hasFlag(flags, writableFlag) && hasFlag(flags, executableFlag);
    },
  },
  {
    finding: anomaly('medium', 'entry-outside-sections', 'It starts outside of every section.'),
    holds: (subject) => {
      const entry = subject.image.fields['address_of_entry_point'] ?? 0;
      return entry !== 0 && subject.image.sections.length > 0 && entrySection(subject) === undefined;
    },
  },
  {
    finding: anomaly('low', 'few-imports', 'It imports next to nothing and finds functions when it runs.', {
      tactic: 'defense-evasion',
      techniques: ['T1027.007'],
    }),
    holds: (subject) => {
      const names = subject.pe.imports.flatMap(({ functions }) => functions);
      return (
        !subject.isPacked &&
        !isManaged(subject) &&
        names.length > 0 &&
        names.length <= 4 &&
        names.includes('GetProcAddress')
      );
    },
  },
  {
    finding: anomaly('low', 'executable-in-resources', 'Its resources hold another executable.', {
      techniques: ['T1027.009'],
    }),
    holds: ({ pe }) => (pe.resources?.executables ?? 0) > 0,
  },
  {
    finding: anomaly('low', 'executable-in-overlay', 'Another executable is appended to it.', {
      techniques: ['T1027.009'],
    }),
    holds: ({ bytes, pe }) =>
      pe.overlay.sizeBytes > 0 &&
      readImage(bytes.subarray(bytes.length - pe.overlay.sizeBytes)).outcome === 'image',
  },
  {
    finding: anomaly('low', 'sections-cut', 'A section lies outside of the file: it is cut or damaged.'),
    holds: ({ bytes, image }) =>
      image.sections.some(
        ({ rawOffset, rawSize }) => rawSize > 0 && rawOffset + rawSize > bytes.length + 512,
      ),
  },
  {
    finding: anomaly('low', 'certificate-cut', 'It names a signature that does not lie in the file.'),
    holds: ({ image, pe }) => (image.directories.security?.address ?? 0) !== 0 && !pe.hasCertificateTable,
  },
];

/** @returns findings and the facts that an agent would report of the same bytes; nothing where they are no executable */
export function examinePe(bytes: Buffer): Structure {
  const read = readImage(bytes);
  if (read.outcome === 'not-pe') return { findings: [], parts: [] };
  const pe = describeImage(read.image);
  const packers = recognizePackers({ bytes, pe });
  const isPacked = packers.some(({ code }) => code.startsWith('packed:'));
  const subject = { bytes, image: read.image, pe, isPacked };
  return {
    findings: [...packers, ...checks.filter(({ holds }) => holds(subject)).map(({ finding }) => finding)],
    parts: [],
    facts: factsOf(pe, bytes.length),
  };
}

function factsOf(pe: PortableExecutable, sizeBytes: number): FileFacts {
  const { pe: ecs, codeSignature, firebreakPe } = peFacts(pe);
  return {
    file: { size: sizeBytes, pe: ecs, code_signature: codeSignature },
    firebreak: { pe: firebreakPe },
  };
}
