import { gunzipSync } from 'node:zlib';
import { listZip, unpackZipEntry, type ZipEntry } from '../../../formats/zip/read-zip.ts';
import { anomaly, type Finding, type Part, type Structure } from '../finding.ts';
import { deceptiveName } from './name.ts';

const mostEntries = 64;
const largestEntry = 16 * 1024 * 1024;
const mostUnpackedBytes = 48 * 1024 * 1024;
/** Deflate packs a thousand to one at best; honest archives stay far below. */
const bombRatio = 200;
const leastBombBytes = 64 * 1024 * 1024;

const largestRelations = 256 * 1024;

const runs = /\.(?:exe|scr|com|pif|cpl|dll|js|jse|vbs|vbe|wsf|hta|lnk|bat|cmd|ps1|msi|iso|img|vhdx?)$/iu;
const macroProject = /(?:^|\/)vbaProject\.bin$/iu;
const macroSheet = /^xl\/macrosheets\//iu;
const remoteTemplate = /attachedTemplate"[^>]{0,512}Target="https?:/iu;

/**
 * One level of a ZIP archive or an Office document of the XML formats. Entries that can run or instruct are unpacked first;
 * number and size of what is unpacked are bounded.
 */
export function examineZip(bytes: Buffer): Structure {
  const entries = listZip(bytes);
  if (!entries) return { findings: [], parts: [] };
  const isOffice = entries.some(({ name }) => name === '[Content_Types].xml');
  const opened = unpack(bytes, entries);
  const findings = isOffice ? officeFindings(entries, opened) : archiveFindings(entries);
  const declared = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  if (declared > leastBombBytes && declared > bytes.length * bombRatio) {
    findings.push(anomaly('medium', 'archive-bomb', 'It unpacks to very much more than it is.'));
  }
  return { findings, parts: opened.map(({ content }) => ({ kind: 'unpacked', bytes: content })) };
}

interface Opened {
  readonly name: string;
  readonly content: Buffer;
}

function unpack(bytes: Buffer, entries: readonly ZipEntry[]): readonly Opened[] {
  const isWorthIt = ({ name }: ZipEntry) =>
    runs.test(name) || macroProject.test(name) || /\.rels$/u.test(name);
  const ordered = [...entries.filter(isWorthIt), ...entries.filter((entry) => !isWorthIt(entry))];
  const opened: Opened[] = [];
  let left = mostUnpackedBytes;
  for (const entry of ordered.slice(0, mostEntries)) {
    if (left <= 0) break;
    const content = unpackZipEntry(bytes, entry, Math.min(left, largestEntry));
    // What does not unpack has cost as much as it may: entries of a crafted directory may all name one stream.
    left -= content?.length ?? Math.min(entry.packedBytes, left);
    if (content && content.length > 0) opened.push({ name: entry.name, content });
  }
  return opened;
}

function archiveFindings(entries: readonly ZipEntry[]): Finding[] {
  const findings: Finding[] = [];
  const runnable = entries.filter(({ name }) => runs.test(name));
  const attack = { tactic: 'initial-access', techniques: ['T1566.001'] } as const;
  if (entries.some(({ name }) => deceptiveName(name))) {
    findings.push(
      anomaly('medium', 'deceptive-name', 'It holds a program whose name poses as a document.', {
        tactic: 'defense-evasion',
        techniques: ['T1036.007'],
      }),
    );
  }
  if (runnable.some(({ isEncrypted }) => isEncrypted)) {
    findings.push(anomaly('low', 'encrypted-program', 'It holds an encrypted program or script.', attack));
  }
  if (runnable.length === 1 && entries.length === 1) {
    findings.push(anomaly('informational', 'single-program', 'It holds a program or script alone.', attack));
  }
  return findings;
}

function officeFindings(entries: readonly ZipEntry[], opened: readonly Opened[]): Finding[] {
  const findings: Finding[] = [];
  if (entries.some(({ name }) => macroProject.test(name))) {
    findings.push(
      anomaly('low', 'macros', 'It carries macros.', { tactic: 'execution', techniques: ['T1059.005'] }),
    );
  }
  if (entries.some(({ name }) => macroSheet.test(name))) {
    findings.push(
      anomaly('low', 'macro-sheets', 'It carries macro sheets of the old kind.', {
        tactic: 'execution',
        techniques: ['T1059'],
      }),
    );
  }
  if (
    opened.some(
      ({ name, content }) =>
        name.endsWith('.rels') && remoteTemplate.test(content.toString('latin1', 0, largestRelations)),
    )
  ) {
    findings.push(
      anomaly('medium', 'remote-template', 'It loads its template from an address when it is opened.', {
        tactic: 'defense-evasion',
        techniques: ['T1221'],
      }),
    );
  }
  return findings;
}

/** @returns what a gzip file holds as its part */
export function examineGzip(bytes: Buffer): Structure {
  return { findings: [], parts: gunzip(bytes) };
}

function gunzip(bytes: Buffer): readonly Part[] {
  try {
    return [{ kind: 'unpacked', bytes: gunzipSync(bytes, { maxOutputLength: largestEntry }) }];
  } catch {
    // Damaged or too large: there is nothing to look at.
    return [];
  }
}
