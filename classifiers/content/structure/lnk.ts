import { parseLnk, type Shortcut } from '../../../formats/lnk/parse-lnk.ts';
import { anomaly, type Finding, type Structure } from '../finding.ts';

const interpreters =
  /(?:^|[\\/"\s])(?:powershell|pwsh|mshta|wscript|cscript|rundll32|regsvr32|msiexec|certutil|bitsadmin|forfiles|conhost)(?:\.exe)?(?:["\s]|$)/iu;
const shell = /(?:^|[\\/"\s])cmd(?:\.exe)?(?:["\s]|$)/iu;
/** Padding pushes the command out of the field that the properties show. */
const padding = /\s{64}/u;
const longestShown = 260;
const documentIcon = /\.(?:pdf|docx?|xlsx?|pptx?|txt|jpe?g|png)$/iu;
const minimized = 7;

/** @returns findings of a shortcut, and what it runs as a part */
export function examineLnk(bytes: Buffer): Structure {
  const shortcut = parseLnk(bytes);
  if (!shortcut) return { findings: [], parts: [] };
  const command = [shortcut.localPath ?? shortcut.relativePath, shortcut.commandLine]
    .filter(Boolean)
    .join(' ');
  return {
    findings: findingsOf(shortcut, command),
    parts: command === '' ? [] : [{ kind: 'command', bytes: Buffer.from(command, 'utf8') }],
  };
}

function findingsOf({ commandLine, iconLocation, showCommand, trailingBytes }: Shortcut, command: string) {
  const findings: Finding[] = [];
  const hasArguments = (commandLine ?? '').trim() !== '';
  const runsInterpreter = hasArguments && (interpreters.test(command) || shell.test(command));
  const attack = { tactic: 'execution', techniques: ['T1204.002'] } as const;
  if (runsInterpreter) {
    findings.push(
      anomaly('low', 'runs-interpreter', 'The shortcut hands a command to an interpreter.', attack),
    );
  }
  if (padding.test(commandLine ?? '') || (runsInterpreter && (commandLine ?? '').length > longestShown)) {
    findings.push(
      anomaly('medium', 'command-hidden', 'The shortcut’s command is longer than its properties show.', {
        tactic: 'defense-evasion',
        techniques: ['T1027.012'],
      }),
    );
  }
  if (runsInterpreter && (documentIcon.test(iconLocation ?? '') || showCommand === minimized)) {
    findings.push(
      anomaly(
        'medium',
        'poses-as-document',
        'The shortcut hides what it runs: minimized or with a document’s icon.',
        {
          tactic: 'defense-evasion',
          techniques: ['T1036'],
        },
      ),
    );
  }
  if (trailingBytes > 1024 && runsInterpreter) {
    findings.push(
      anomaly('medium', 'data-appended', 'More data than a shortcut needs is appended to it.', attack),
    );
  }
  return findings;
}
