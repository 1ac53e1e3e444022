/**
 * Program, library and script names that stay themselves as features: what ships with Windows, runtimes and interpreters
 * that run other people's code, and software that is everywhere. Every other name becomes one and the same token: whether
 * it is `invoice` or the name a laboratory gave its payload must not be what a model learns.
 */
const names = `
  cmd powershell powershell_ise pwsh wscript cscript mshta rundll32 regsvr32 msiexec conhost explorer svchost services
  lsass csrss wininit winlogon smss userinit dwm taskhost taskhostw taskeng sihost ctfmon fontdrvhost spoolsv searchindexer
  searchprotocolhost searchfilterhost searchui runtimebroker backgroundtaskhost applicationframehost dllhost wmiprvse wmic
  wmiadap unsecapp scrcons mofcomp winmgmt mmc eventvwr control cmstp fodhelper computerdefaults sdclt wsreset slui
  eventvwr consent logonui lockapp startmenuexperiencehost shellexperiencehost textinputhost systemsettings smartscreen
  net net1 netsh netstat nbtstat nltest dsquery dsget ipconfig ping tracert pathping arp route nslookup whoami hostname
  systeminfo tasklist taskkill query quser qwinsta qprocess tsdiscon tscon rwinsta logoff shutdown klist setspn gpresult
  gpupdate gpscript driverquery getmac ver set reg regedit regini sc schtasks at wevtutil auditpol fsutil vssadmin
  diskshadow wbadmin bcdedit bootcfg reagentc cipher icacls cacls takeown attrib compact expand extrac32 makecab diantz
  esentutl ntdsutil dsmod csvde ldifde certutil certreq bitsadmin curl ftp tftp ssh scp sftp telnet finger robocopy xcopy
  replace forfiles findstr find where more type sort comp fc subst mklink label chkdsk defrag diskpart format mountvol
  manage-bde powercfg pnputil dism dismhost sfc wusa wuauclt usoclient usocoreworker mousocoreworker tiworker
  trustedinstaller compattelrunner sppsvc slmgr msdt pcalua pcwrun presentationhost installutil regasm regsvcs msbuild csc
  vbc jsc ilasm cvtres ngen ngentask mscorsvw aspnet_compiler addinprocess addinutil dfsvc workflow fsi fsianycpu dnx rcsi
  odbcconf ie4uinit ieexec iexplore iediagcmd infdefaultinstall hh helppane verclsid xwizard mavinject appvlp
  syncappvpublishingserver runscripthelper gfxdownloadwrapper print printui printbrm pubprn desktopimgdownldr rdrleakdiag
  tttracer ttdinject rasautou rasdial register-cimprovider runexehelper runonce scriptrunner settingsynchost
  stordiag tpmtool unregmp2 vbc wab wfc winget winrm winrs winrshost wsmprovhost wsl wslhost bash wt conpty atbroker
  sethc utilman osk magnify narrator displayswitch colorcpl cmdkey cmdl32 credwiz vaultcmd dnscmd dnx dotnet
  mpcmdrun msmpeng nissrv mpsigstub securityhealthservice securityhealthhost sgrmbroker am_delta mrt
  microsoftedgeupdate msedge msedgewebview2 chrome firefox opera brave googleupdate onedrive onedrivesetup teams update squirrel
  winword excel powerpnt outlook onenote msaccess mspub visio eqnedt32 officeclicktorun acrord32 acrobat notepad wordpad
  calc mspaint write notepad++ code devenv vsdiagnostics vsjitdebugger sqlservr sqlcmd sqlps sqldumper bcp osql w3wp
  inetinfo iisreset appcmd iissetup tomcat httpd nginx php php-cgi java javaw javac node npm python pythonw pip py perl
  ruby git gitbash sh bash zip 7z 7za 7zg winrar rar unrar tar wget rclone putty plink pscp psexec psexec64 psexesvc
  paexec procdump procdump64 procexp procmon sysmon sysmon64 autoruns adexplorer sdelete sigcheck handle listdlls strings
  accesschk accessenum wmiexec vmtoolsd vmwaretray vboxservice vboxtray vboxclient teamviewer anydesk logmein screenconnect
  ammyy splashtop dameware vncviewer winvnc tvnserver mstsc rdpclip tstheme werfault wermgr werfaultsecure dwwin drwtsn32
  waappagent windowsazureguestagent windowsazuretelemetryservice collectguestlogs monitoringhost healthservice
  microsoft.exchange.worker msexchangemailboxreplication edgetransport umworkerprocess
  ccmexec cmrcservice scnotification ccmsetup nxlog winlogbeat filebeat splunkd splunk-powershell osqueryd velociraptor
  logman typeperf perfmon relog tracerpt wpr xperf pktmon netmon wireshark dumpcap tshark nmap ncat nc socat
  adfind sharphound bloodhound mimikatz rubeus seatbelt lazagne
  ntoskrnl ntdll kernel32 kernelbase user32 gdi32 advapi32 shell32 ole32 oleaut32 comctl32 comsvcs url ieframe mshtml
  shdocvw advpack ieadvpack setupapi syssetup zipfldr pcwutl dfshim davclnt scrobj jscript vbscript msxml3 msxml6 urlmon
  wininet winhttp crypt32 samlib samsrv vaultcli lsasrv wdigest dbghelp dbgcore clr mscoree amsi keymgr shimgvw photoviewer
  desk inetcpl timedate appwiz main sysdm ncpa firewall intl mmsys powrprof dsquery cryptui printui themeui
  sam security system software ntuser usrclass ntds hosts
  slmgr winrm pubprn prnmngr prnport prncnfg gathernetworkinfo syncappvpublishingserver manage-bde cl_invocation
  setup install uninstall installer unins000 launcher helper service agent client server updater update
`;

/** Lower-case file names without extension. */
export const programNames: ReadonlySet<string> = new Set(names.split(/\s+/).filter((name) => name !== ''));
