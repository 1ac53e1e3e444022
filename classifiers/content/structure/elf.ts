import { parseElf } from '../../../formats/elf/parse-elf.ts';
import { anomaly, type Finding, type Structure } from '../finding.ts';

const object = 1;
const packedEntropy = 7.5;

/** @returns findings of a Linux program; nothing where the bytes are none */
export function examineElf(bytes: Buffer): Structure {
  const elf = parseElf(bytes);
  if (!elf) return { findings: [], parts: [] };
  const findings: Finding[] = [];
  const entry = elf.segments.find(({ holdsEntryPoint }) => holdsEntryPoint);
  if (bytes.includes('UPX!', 0, 'latin1') && elf.entropy > packedEntropy) {
    findings.push(
      anomaly('low', 'packed:upx', 'The code is packed with UPX: what it does shows only when it runs.', {
        tactic: 'defense-evasion',
        techniques: ['T1027.002'],
      }),
    );
  }
  if (entry?.isWritable === true && entry.isExecutable) {
    findings.push(
      anomaly('low', 'entry-in-writable-code', 'It starts in code that may be overwritten while it runs.'),
    );
  }
  if (elf.sectionCount === 0 && elf.type !== object) {
    findings.push(anomaly('low', 'sections-stripped', 'Its section table was removed.'));
  }
  return { findings, parts: [] };
}
