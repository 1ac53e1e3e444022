import { sha256Hex } from '../../../contracts/canonical.ts';
import type { ReportInput } from '../../../contracts/report.ts';

type Process = NonNullable<NonNullable<ReportInput['process']>['parent']>;

const windows = 'Microsoft Windows';
const microsoft = 'Microsoft Corporation';

/** Where programs stand and who signed them; `%user%` is the person at the device. Names without a publisher are unsigned. */
const places: Readonly<Record<string, readonly [path: string, publisher?: string]>> = {
  'chrome.exe': ['C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe', 'Google LLC'],
  'msedge.exe': ['C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe', microsoft],
  'firefox.exe': ['C:\\Program Files\\Mozilla Firefox\\firefox.exe', 'Mozilla Corporation'],
  'winword.exe': ['C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE', microsoft],
  'excel.exe': ['C:\\Program Files\\Microsoft Office\\root\\Office16\\EXCEL.EXE', microsoft],
  'outlook.exe': ['C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE', microsoft],
  'officec2rclient.exe': [
    'C:\\Program Files\\Common Files\\microsoft shared\\ClickToRun\\OfficeC2RClient.exe',
    microsoft,
  ],
  'onedrive.exe': ['C:\\Users\\%user%\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe', microsoft],
  'teams.exe': ['C:\\Users\\%user%\\AppData\\Local\\Microsoft\\Teams\\current\\Teams.exe', microsoft],
  'microsoftedgeupdate.exe': [
    'C:\\Program Files (x86)\\Microsoft\\EdgeUpdate\\MicrosoftEdgeUpdate.exe',
    microsoft,
  ],
  'googleupdate.exe': ['C:\\Program Files (x86)\\Google\\Update\\GoogleUpdate.exe', 'Google LLC'],
  'acrord32.exe': ['C:\\Program Files (x86)\\Adobe\\Acrobat Reader DC\\Reader\\AcroRd32.exe', 'Adobe Inc.'],
  'code.exe': ['C:\\Users\\%user%\\AppData\\Local\\Programs\\Microsoft VS Code\\Code.exe', microsoft],
  'git.exe': ['C:\\Program Files\\Git\\cmd\\git.exe', 'Johannes Schindelin'],
  'node.exe': ['C:\\Program Files\\nodejs\\node.exe', 'OpenJS Foundation'],
  'python.exe': [
    'C:\\Users\\%user%\\AppData\\Local\\Programs\\Python\\Python312\\python.exe',
    'Python Software Foundation',
  ],
  'dotnet.exe': ['C:\\Program Files\\dotnet\\dotnet.exe', microsoft],
  'java.exe': ['C:\\Program Files\\Eclipse Adoptium\\jdk-21\\bin\\java.exe', 'Eclipse.org Foundation, Inc.'],
  '7z.exe': ['C:\\Program Files\\7-Zip\\7z.exe'],
  'fleet-agent.exe': ['C:\\Program Files\\Meridian Fleet\\fleet-agent.exe', 'Meridian Fleet Systems Ltd'],
  'backup-agent.exe': ['C:\\Program Files\\Harbor Backup\\backup-agent.exe', 'Harbor Backup GmbH'],
  'psexec64.exe': ['C:\\Tools\\Sysinternals\\PsExec64.exe', microsoft],
  'psexesvc.exe': ['C:\\Windows\\PSEXESVC.exe', microsoft],
  'procdump64.exe': ['C:\\Tools\\Sysinternals\\procdump64.exe', microsoft],
  'explorer.exe': ['C:\\Windows\\explorer.exe', windows],
  'powershell.exe': ['C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe', windows],
  'wmic.exe': ['C:\\Windows\\System32\\wbem\\WMIC.exe', windows],
  'ccmexec.exe': ['C:\\Windows\\CCM\\CcmExec.exe', microsoft],
};

/** @returns the process as an agent describes it; a name that has no place of its own stands in System32 */
export function processOf(
  name: string,
  { user, entityId, pid }: { readonly user: string; readonly entityId: string; readonly pid: number },
): Process {
  const [path, publisher] = places[name] ?? [`C:\\Windows\\System32\\${name}`, windows];
  return {
    entity_id: entityId,
    pid,
    executable: path.replace('%user%', user),
    hash: { sha256: sha256Hex(`outbreak scenario program ${name}`) },
    code_signature:
      publisher === undefined
        ? { exists: false }
        : { exists: true, valid: true, trusted: true, subject_name: publisher },
  };
}
