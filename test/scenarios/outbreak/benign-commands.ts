/**
 * What ordinary devices run all day: parent, program, command line. `%user%`, `%n%` (a number) and `%day%` vary.
 * The second list is work of administrators and their tools that looks like an attack and is none.
 */
export type BenignCommand = readonly [parent: string, program: string, commandLine: string];

const inventoryScript =
  'Get-CimInstance Win32_OperatingSystem | Select-Object Caption, Version, LastBootUpTime | ConvertTo-Json -Compress';
const complianceScript =
  '$disks = Get-BitLockerVolume; $disks | Select-Object MountPoint, ProtectionStatus | ConvertTo-Json; exit 0';

const encoded = (script: string) => Buffer.from(script, 'utf16le').toString('base64');

export const everydayCommands: readonly BenignCommand[] = [
  [
    'explorer.exe',
    'chrome.exe',
    '"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe" --profile-directory=Default',
  ],
  [
    'chrome.exe',
    'chrome.exe',
    '"C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe" --type=renderer --lang=en-US --renderer-client-id=%n%',
  ],
  [
    'explorer.exe',
    'msedge.exe',
    '"C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe" --single-argument https://intranet.example.org/news/%n%',
  ],
  [
    'explorer.exe',
    'firefox.exe',
    '"C:\\Program Files\\Mozilla Firefox\\firefox.exe" -osint -url "https://www.example.org/article/%n%"',
  ],
  [
    'explorer.exe',
    'winword.exe',
    '"C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE" /n "C:\\Users\\%user%\\Documents\\minutes-%n%.docx"',
  ],
  [
    'outlook.exe',
    'winword.exe',
    '"C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE" /n "C:\\Users\\%user%\\Downloads\\offer-%n%.docx" /o ""',
  ],
  [
    'explorer.exe',
    'excel.exe',
    '"C:\\Program Files\\Microsoft Office\\root\\Office16\\EXCEL.EXE" "C:\\Users\\%user%\\Documents\\budget-%n%.xlsx"',
  ],
  ['explorer.exe', 'outlook.exe', '"C:\\Program Files\\Microsoft Office\\root\\Office16\\OUTLOOK.EXE"'],
  [
    'outlook.exe',
    'acrord32.exe',
    '"C:\\Program Files (x86)\\Adobe\\Acrobat Reader DC\\Reader\\AcroRd32.exe" "C:\\Users\\%user%\\Downloads\\invoice-%n%.pdf"',
  ],
  [
    'svchost.exe',
    'officec2rclient.exe',
    '"C:\\Program Files\\Common Files\\microsoft shared\\ClickToRun\\OfficeC2RClient.exe" /update SCHEDULEDTASK displaylevel=False',
  ],
  [
    'svchost.exe',
    'microsoftedgeupdate.exe',
    '"C:\\Program Files (x86)\\Microsoft\\EdgeUpdate\\MicrosoftEdgeUpdate.exe" /ua /installsource scheduler',
  ],
  [
    'svchost.exe',
    'googleupdate.exe',
    '"C:\\Program Files (x86)\\Google\\Update\\GoogleUpdate.exe" /ua /installsource scheduler',
  ],
  [
    'explorer.exe',
    'onedrive.exe',
    '"C:\\Users\\%user%\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe" /background',
  ],
  [
    'explorer.exe',
    'teams.exe',
    '"C:\\Users\\%user%\\AppData\\Local\\Microsoft\\Teams\\current\\Teams.exe" --system-initiated',
  ],
  ['explorer.exe', 'notepad.exe', 'notepad.exe C:\\Users\\%user%\\Desktop\\todo-%n%.txt'],
  ['services.exe', 'svchost.exe', 'C:\\Windows\\System32\\svchost.exe -k netsvcs -p -s Schedule'],
  ['services.exe', 'svchost.exe', 'C:\\Windows\\System32\\svchost.exe -k LocalService -p -s nsi'],
  ['svchost.exe', 'taskhostw.exe', 'taskhostw.exe Install $(Arg0)'],
  [
    'svchost.exe',
    'rundll32.exe',
    'C:\\Windows\\System32\\rundll32.exe C:\\Windows\\System32\\PcaSvc.dll,PcaPatchSdbTask',
  ],
  ['explorer.exe', 'rundll32.exe', 'rundll32.exe shell32.dll,Control_RunDLL mmsys.cpl,,0'],
  ['explorer.exe', 'rundll32.exe', 'rundll32.exe printui.dll,PrintUIEntry /in /n \\\\print-01\\floor-%n%'],
  ['explorer.exe', 'msiexec.exe', 'msiexec.exe /i "C:\\Users\\%user%\\Downloads\\viewer-%n%.msi"'],
  ['explorer.exe', 'cmd.exe', 'cmd.exe /c dir C:\\Users\\%user%\\Documents'],
  ['cmd.exe', 'ping.exe', 'ping -n 4 gateway-%n%.example.org'],
  ['cmd.exe', 'ipconfig.exe', 'ipconfig /all'],
  [
    'explorer.exe',
    '7z.exe',
    '"C:\\Program Files\\7-Zip\\7z.exe" a "C:\\Users\\%user%\\Documents\\photos-%n%.7z" "C:\\Users\\%user%\\Pictures\\%n%"',
  ],
  [
    'explorer.exe',
    'code.exe',
    '"C:\\Users\\%user%\\AppData\\Local\\Programs\\Microsoft VS Code\\Code.exe" C:\\src\\portal-%n%',
  ],
  ['code.exe', 'git.exe', 'git.exe -c core.quotepath=false status -z -uall'],
  ['code.exe', 'git.exe', 'git.exe fetch --prune origin'],
  ['cmd.exe', 'node.exe', 'node.exe node_modules\\vite\\bin\\vite.js build --mode production'],
  [
    'cmd.exe',
    'node.exe',
    '"C:\\Program Files\\nodejs\\node.exe" "C:\\Program Files\\nodejs\\node_modules\\npm\\bin\\npm-cli.js" install',
  ],
  ['code.exe', 'python.exe', 'python.exe -m pytest tests -q -k case_%n%'],
  ['cmd.exe', 'python.exe', 'python.exe -m pip install --upgrade requests'],
  ['cmd.exe', 'dotnet.exe', 'dotnet.exe build C:\\src\\ledger-%n%\\Ledger.sln -c Release'],
  [
    'cmd.exe',
    'java.exe',
    '"C:\\Program Files\\Eclipse Adoptium\\jdk-21\\bin\\java.exe" -Xmx2g -jar build\\libs\\report-%n%.jar',
  ],
  ['svchost.exe', 'gpupdate.exe', 'gpupdate.exe /target:computer'],
  ['backup-agent.exe', 'robocopy.exe', 'robocopy.exe C:\\Data \\\\backup-01\\%day% /MIR /R:2 /W:5 /NP'],
];

export const hostileLookingCommands: readonly BenignCommand[] = [
  [
    'svchost.exe',
    'cscript.exe',
    'C:\\Windows\\System32\\cscript.exe //B //NoLogo C:\\Windows\\System32\\gatherNetworkInfo.vbs',
  ],
  ['cmd.exe', 'certutil.exe', 'certutil -hashfile C:\\Users\\%user%\\Downloads\\installer-%n%.iso SHA256'],
  ['cmd.exe', 'vssadmin.exe', 'vssadmin list shadows'],
  ['backup-agent.exe', 'vssadmin.exe', 'vssadmin list writers'],
  [
    'fleet-agent.exe',
    'powershell.exe',
    `powershell.exe -NoProfile -NonInteractive -ExecutionPolicy RemoteSigned -EncodedCommand ${encoded(inventoryScript)}`,
  ],
  [
    'ccmexec.exe',
    'powershell.exe',
    `powershell.exe -NoLogo -NonInteractive -NoProfile -EncodedCommand ${encoded(complianceScript)}`,
  ],
  [
    'powershell.exe',
    'psexec64.exe',
    '"C:\\Tools\\Sysinternals\\PsExec64.exe" \\\\files-%n% -accepteula ipconfig /flushdns',
  ],
  ['psexesvc.exe', 'cmd.exe', 'cmd.exe /c gpupdate /force'],
  [
    'cmd.exe',
    'procdump64.exe',
    '"C:\\Tools\\Sysinternals\\procdump64.exe" -ma -accepteula ledger-service.exe C:\\Dumps\\ledger-%n%.dmp',
  ],
  ['cmd.exe', 'wmic.exe', 'wmic qfe list brief /format:table'],
  ['powershell.exe', 'nltest.exe', 'nltest /dsgetdc:corp.example.org'],
  ['cmd.exe', 'schtasks.exe', 'schtasks /query /fo LIST /v'],
  ['cmd.exe', 'bcdedit.exe', 'bcdedit /enum'],
  ['fleet-agent.exe', 'wevtutil.exe', 'wevtutil qe System /c:50 /rd:true /f:text'],
  ['cmd.exe', 'netsh.exe', 'netsh advfirewall show allprofiles'],
  ['fleet-agent.exe', 'tasklist.exe', 'tasklist /svc /fo csv'],
  ['cmd.exe', 'net.exe', 'net use H: \\\\files-%n%\\home /persistent:yes'],
  [
    'fleet-agent.exe',
    'reg.exe',
    'reg query "HKLM\\SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion" /v ProductName',
  ],
  [
    'explorer.exe',
    'powershell.exe',
    'powershell.exe -NoProfile -Command "Get-ADUser -Filter * -Properties LastLogonDate | Export-Csv C:\\Reports\\logons-%n%.csv"',
  ],
  [
    'explorer.exe',
    'powershell.exe',
    'powershell.exe -ExecutionPolicy Bypass -File C:\\Scripts\\new-starter.ps1 -Ticket %n%',
  ],
  [
    'fleet-agent.exe',
    'msiexec.exe',
    'msiexec.exe /i C:\\ProgramData\\Meridian\\packages\\viewer-%n%.msi /qn /norestart',
  ],
  ['backup-agent.exe', 'wbadmin.exe', 'wbadmin get versions'],
  ['cmd.exe', 'icacls.exe', 'icacls D:\\Shares\\Projects-%n% /grant "CORP\\Project Team:(OI)(CI)M" /T'],
  ['explorer.exe', 'mmc.exe', 'mmc.exe C:\\Windows\\System32\\compmgmt.msc /s'],
];

export interface BenignScript {
  readonly name: string;
  readonly text: string;
}

/** Scripts that administrators run everywhere. */
export const adminScripts: readonly BenignScript[] = [
  {
    name: 'Get-DiskReport.ps1',
    text: `# Writes the free space of every volume to the report share.
param([string]$Path = "\\\\files-01\\reports\\disk.csv")
Get-Volume | Where-Object DriveLetter | Select-Object DriveLetter, FileSystemLabel,
  @{ n = 'FreeGB'; e = { [math]::Round($_.SizeRemaining / 1GB, 1) } } | Export-Csv -Path $Path -NoTypeInformation
`,
  },
  {
    name: 'New-Starter.ps1',
    text: `# Prepares the account of a new colleague: groups, home folder, welcome mail.
param([Parameter(Mandatory)][string]$Name, [string]$Department)
$user = Get-ADUser -Identity $Name
Add-ADGroupMember -Identity "dep-$Department" -Members $user
New-Item -ItemType Directory -Path "\\\\files-01\\home\\$Name" | Out-Null
Send-MailMessage -To "$Name@example.org" -From it@example.org -Subject 'Welcome' -SmtpServer mail.example.org
`,
  },
  {
    name: 'Restart-Spooler.ps1',
    text: `# The label printer hangs on Mondays.
Stop-Service -Name Spooler -Force
Get-ChildItem C:\\Windows\\System32\\spool\\PRINTERS | Remove-Item -Force
Start-Service -Name Spooler
Write-EventLog -LogName Application -Source 'Print Care' -EventId 100 -Message 'Spooler restarted'
`,
  },
  {
    name: 'Install-Viewer.ps1',
    text: `# Installs the document viewer from the package share and checks its signature first.
$package = '\\\\files-01\\packages\\viewer.msi'
if ((Get-AuthenticodeSignature $package).Status -ne 'Valid') { throw 'The package is not signed.' }
Start-Process msiexec.exe -ArgumentList '/i', $package, '/qn', '/norestart' -Wait
`,
  },
];
