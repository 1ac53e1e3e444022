import { withoutCuts } from './commands.ts';

/** What training has to know of a script beside its features. */
export interface LabelledScript {
  readonly source: string;
  readonly label: 'benign' | 'malicious';
  /** Near-copies share it. */
  readonly cluster: string;
  /** Of a hostile one: who made it. Of a benign one: how it is written. Each is left out as a whole. */
  readonly group: string;
  readonly text: string;
}

/** How a benign script is written, the first that fits: no collection says it. */
const styles: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['test', /^\s*(?:Describe|Context|It)\s+["'$]|\bAssert-|\bShould\s+-?Be/im],
  ['configuration', /TargetResource|^\s*Configuration\s+\w+/im],
  [
    'install',
    /chocolatey|msiexec|DownloadFile|Invoke-WebRequest|BitsTransfer|\.msi\b|setup\.exe|DownloadString/i,
  ],
  ['class', /^\s*(?:class|enum)\s+\w+/im],
  ['function', /^\s*(?:function|filter)\s/i],
  ['parameters', /^\s*(?:\[CmdletBinding|param\b)/i],
  ['short', /^\s*(?:[^\n]*\n){0,8}[^\n]*$/],
];

export function styleOf(text: string): string {
  return styles.find(([, pattern]) => pattern.test(text.trim()))?.[0] ?? 'plain';
}

/**
 * Files of the benign collection by number that are the modules of an attack framework (`Invoke-Mimikatz`,
 * `Invoke-Shellcode`, `C2-Server`, …). Their makers labelled them as they labelled all of public repositories.
 */
const frameworkFiles = { first: 4207, last: 4290 } as const;

const cell = (row: Readonly<Record<string, unknown>>, column: string) => {
  const value = row[column];
  return typeof value === 'string' ? value : '';
};

/** @returns null where a row takes no part */
export function collectedScript(row: Readonly<Record<string, unknown>>): LabelledScript | null {
  const text = withoutCuts(cell(row, 'text'));
  const [label, family, cluster] = [cell(row, 'label'), cell(row, 'family'), cell(row, 'cluster')];
  if (label === 'malicious') return { source: 'collected', label, cluster, group: family, text };
  if (label !== 'benign') return null;
  const file = Number.parseInt(cell(row, 'file'), 10);
  return file >= frameworkFiles.first && file <= frameworkFiles.last
    ? { source: 'framework', label: 'malicious', cluster, group: 'framework', text }
    : { source: 'public', label, cluster, group: styleOf(text), text };
}

/** The command line that carried a collected script in itself: how one script starts another. */
export function launcherScript(row: Readonly<Record<string, unknown>>): LabelledScript | null {
  const text = withoutCuts(cell(row, 'cmdline')).replaceAll('\\"', '"').trim();
  if (text === '' || row['label'] !== 'malicious') return null;
  return { source: 'launcher', label: 'malicious', cluster: cell(row, 'cluster'), group: 'launcher', text };
}

/** Attack tests and documentation as somebody would run them; null where they are not for PowerShell. */
export function documentedScript(row: Readonly<Record<string, unknown>>): LabelledScript | null {
  const text = cell(row, 'command');
  if (text === '') return null;
  if (row['executor'] === 'powershell' && [row['platform']].flat().includes('windows'))
    return { source: 'atomic', label: 'malicious', cluster: cell(row, 'technique'), group: 'atomic', text };
  const page = cell(row, 'page');
  return row['platform'] === 'windows' && page !== ''
    ? { source: 'tldr', label: 'benign', cluster: page, group: 'documentation', text }
    : null;
}
