import { scanPdf } from '../../../formats/pdf/scan-pdf.ts';
import { anomaly, type Finding, type Structure } from '../finding.ts';

const mostUnpackedBytes = 16 * 1024 * 1024;

/** @returns findings of a PDF, and what its streams unpack to as a part */
export function examinePdf(bytes: Buffer): Structure {
  const pdf = scanPdf(bytes, mostUnpackedBytes);
  if (!pdf) return { findings: [], parts: [] };
  const { names } = pdf;
  const findings: Finding[] = [];
  const hasScript = names.JavaScript + names.JS > 0;
  if (hasScript && names.OpenAction + names.AA > 0) {
    findings.push(
      anomaly('low', 'script-at-opening', 'A script runs when the document is opened.', {
        tactic: 'execution',
        techniques: ['T1059.007'],
      }),
    );
  }
  if (names.Launch > 0) {
    findings.push(
      anomaly('medium', 'launches-program', 'The document starts a program.', {
        tactic: 'execution',
        techniques: ['T1204.002'],
      }),
    );
  }
  if (hasScript && names.EmbeddedFile > 0) {
    findings.push(anomaly('low', 'script-and-attachment', 'The document carries a script and a file.'));
  }
  return { findings, parts: pdf.unpacked.length > 0 ? [{ kind: 'unpacked', bytes: pdf.unpacked }] : [] };
}
