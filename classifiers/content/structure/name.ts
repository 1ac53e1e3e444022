import type { FileFormat, Finding } from '../finding.ts';

const program = '(?:exe|scr|com|pif|cpl|js|jse|vbs|vbe|wsf|hta|lnk|bat|cmd|ps1|msi)';
const document = '(?:pdf|docx?|docm|xlsx?|xlsm|pptx?|rtf|txt|csv|jpe?g|png|gif|bmp|mp[34]|avi|zip)';
const doubleExtension = new RegExp(`\\.${document}[\\s_]*\\.${program}$`, 'iu');
/** Marks that turn the direction of writing make `exe` look like the middle of a name; runs of spaces push it out of sight. */
const hiddenExtension = new RegExp(`[\u202a-\u202e\u2066-\u2069]|\\s{16}.*\\.${program}$`, 'iu');
/** Characters at the end of a name. */
const lookedAt = 200;
const harmlessLooking = new RegExp(`\\.${document}$`, 'iu');

/** @returns whether a name is made to look like that of a document */
export function deceptiveName(name: string): boolean {
  const end = name.slice(-lookedAt);
  return doubleExtension.test(end) || hiddenExtension.test(end);
}

/** The name of a sample is the word of whoever sent it: what follows from it is testimony. */
export function examineName(name: string | null, format: FileFormat): readonly Finding[] {
  if (name === null) return [];
  const attack = { tactic: 'defense-evasion', techniques: ['T1036.007'] } as const;
  if (deceptiveName(name)) {
    const title = 'A program under a name that poses as a document.';
    return [{ code: 'deceptive-name', title, level: 'medium', origin: 'name', ...attack }];
  }
  if (harmlessLooking.test(name) && (format === 'pe' || format === 'lnk' || format === 'elf')) {
    const title = 'A program under the extension of a document.';
    return [{ code: 'program-as-document', title, level: 'medium', origin: 'name', ...attack }];
  }
  return [];
}
