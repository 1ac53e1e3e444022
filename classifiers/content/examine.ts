import { decodeText } from './encoded-text.ts';
import { isUtf16, recognizeFormat } from './file-format.ts';
import type { Examination, FileFormat, Finding, Part, Structure } from './finding.ts';
import { examineGzip, examineZip } from './structure/archive.ts';
import { examineElf } from './structure/elf.ts';
import { examineLnk } from './structure/lnk.ts';
import { examineName } from './structure/name.ts';
import { examineOle } from './structure/office.ts';
import { examinePdf } from './structure/pdf.ts';
import { examinePe } from './structure/pe.ts';
import type { Scanner } from './yara/engine.ts';
import { toFinding } from './yara/rule-finding.ts';

const nothing: Structure = { findings: [], parts: [] };
/** A sample, what it holds, what that holds: an archive in an archive is not opened. */
const deepest = 2;
const mostParts = 128;
/** Bytes of all parts together, beyond which nothing more is looked at. */
const mostPartBytes = 96 * 1024 * 1024;

const examiners: Readonly<Record<FileFormat, (bytes: Buffer) => Structure>> = {
  pe: examinePe,
  elf: examineElf,
  ole: examineOle,
  zip: examineZip,
  gzip: examineGzip,
  pdf: examinePdf,
  lnk: examineLnk,
  text: (bytes) => ({
    findings: [],
    parts: isUtf16(bytes)
      ? [{ kind: 'unpacked', bytes: Buffer.from(bytes.toString('utf16le'), 'utf8') }]
      : [],
  }),
  unknown: () => nothing,
};

/**
 * Looks at a sample and at what it carries: structure of each, rules over each.
 * @param scanners compiled rules, one for each folder
 * @param name that somebody gave it
 */
export function examine(bytes: Buffer, name: string | null, scanners: readonly Scanner[]): Examination {
  const format = recognizeFormat(bytes);
  const structure = examiners[format](bytes);
  const findings = new Map<string, Finding>();
  const budget = { parts: mostParts, bytes: mostPartBytes };
  const look = (part: Part, { findings: anomalies, parts }: Structure, depth: number): void => {
    for (const finding of [...anomalies, ...scan(part, scanners)]) {
      if (!findings.has(finding.code)) findings.set(finding.code, finding);
    }
    for (const inner of depth < deepest ? [...parts, ...decodeText(part.bytes)] : []) {
      if (budget.parts <= 0 || inner.bytes.length > budget.bytes) return;
      budget.parts -= 1;
      budget.bytes -= inner.bytes.length;
      look(inner, examinePart(inner), depth + 1);
    }
  };
  look({ kind: 'sample', bytes }, structure, 0);
  return {
    format,
    findings: [...findings.values(), ...examineName(name, format)],
    ...(structure.facts && { facts: structure.facts }),
  };
}

/** Archives inside of archives stay closed: only their outermost level is what a person opens. */
function examinePart({ bytes }: Part): Structure {
  const format = recognizeFormat(bytes);
  if (format === 'zip' || format === 'gzip') return nothing;
  const { findings, parts } = examiners[format](bytes);
  return { findings, parts };
}

function scan({ bytes, kind }: Part, scanners: readonly Scanner[]): readonly Finding[] {
  return scanners.flatMap((scanner) => scanner.scan(bytes, kind).map(toFinding));
}
