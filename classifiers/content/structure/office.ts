import { readCompoundFile } from '../../../formats/ole/compound-file.ts';
import { hasMacros, readMacros } from '../../../formats/ole/vba.ts';
import { anomaly, type Finding, type Structure } from '../finding.ts';

const mostMacroBytes = 2 * 1024 * 1024;
const objectStream = /^\x01(?:Ole10Native|Ole10ItemName)$/iu;

const macros = anomaly('low', 'macros', 'It carries macros.', {
  tactic: 'execution',
  techniques: ['T1059.005'],
});
const packaged = anomaly(
  'low',
  'packaged-object',
  'A file is packaged inside of it as an object to be opened.',
  {
    techniques: ['T1027.009'],
  },
);
const encrypted = anomaly(
  'informational',
  'encrypted-document',
  'The document is encrypted: what it says was not read.',
);

/** @returns findings of a compound file, and the text of its macros as a part */
export function examineOle(bytes: Buffer): Structure {
  const file = readCompoundFile(bytes);
  if (!file) return { findings: [], parts: [] };
  const findings: Finding[] = [];
  if (file.entries.some(({ name }) => name === 'EncryptedPackage')) findings.push(encrypted);
  if (file.entries.some(({ name }) => objectStream.test(name))) findings.push(packaged);
  if (!hasMacros(file)) return { findings, parts: [] };
  const text = readMacros(file, mostMacroBytes);
  findings.push(macros);
  return { findings, parts: text.length > 0 ? [{ kind: 'macro', bytes: text }] : [] };
}
