import type { Tactic } from '../../contracts/score.ts';
import { codeOf } from './vocabulary.ts';

/**
 * What a script can do, told by words that stand for it whatever the author called his own. A word gives its capability
 * to the window that it stands in; two capabilities in one window say more than either. Words are whole tokens in lower
 * case: cmdlets with their hyphen, members and types without the names around them.
 */
export const capabilities: Readonly<Record<string, string>> = {
  download:
    'downloadstring downloadfile downloaddata openread invoke-webrequest iwr irm invoke-restmethod start-bitstransfer ' +
    'webclient httpwebrequest xmlhttp serverxmlhttp winhttprequest wget curl httpclient bitsadmin getresponsestream',
  evaluate: 'iex invoke-expression scriptblock invokescript newscriptblock addscript expandstring',
  start:
    'start-process saps shellexecute createprocess wscript win32_process invoke-item invoke-wmimethod invoke-cimmethod',
  decode:
    'frombase64string frombase64chararray converttoint16 converttoint32 tobyte gzipstream deflatestream',
  compress: 'gzipstream deflatestream memorystream decompress streamreader readtoend',
  reflect:
    'reflection assembly gettype getmethod getfield setvalue invokemember nonpublic bindingflags entrypoint',
  emit: 'assemblybuilder definedynamicassembly definedynamicmodule definetype definemethod dynamicinvoke assemblybuilderaccess',
  native:
    'dllimport kernel32 ntdll advapi32 user32 msvcrt getprocaddress getmodulehandle loadlibrary loadlibrarya unsafenativemethods ' +
    'getdelegateforfunctionpointer win32functions',
  memory:
    'virtualalloc virtualallocex virtualprotect virtualprotectex writeprocessmemory rtlmovememory memset heapalloc heapcreate ' +
    'ntallocatevirtualmemory zwallocatevirtualmemory allochglobal unmanagedmemorystream ntwritevirtualmemory',
  thread:
    'createthread createremotethread rtlcreateuserthread queueuserapc waitforsingleobject ntcreatethreadex openprocess ' +
    'enumsystemlocales setthreadcontext resumethread createremotethreadex',
  scanning: 'amsiutils amsiinitfailed amsicontext amsiscanbuffer amsisession amsi amsiscanstring',
  tracing:
    'm_enabled etwprovider scriptblocklogging enablescriptblocklogging cachedgrouppolicysettings etweventwrite ' +
    'enablescriptblockinvocationlogging pseventwrite',
  protection:
    'disablerealtimemonitoring add-mppreference set-mppreference disablebehaviormonitoring disableioavprotection ' +
    'disablescriptscanning disableantispyware exclusionpath exclusionprocess disableintrusionpreventionsystem windefend ' +
    'uninstall-windowsfeature tamperprotection removedefinitions',
  credentials:
    'mimikatz sekurlsa logonpasswords lsass minidump minidumpwritedump dumpcreds dcsync lsadump kerberoast hashdump ntds ' +
    'protecteddata cryptunprotectdata vaultcli passwordvault samkey bootkey kerberosrequestorsecuritytoken ' +
    'rubeus procdump pwdump',
  keys: 'getasynckeystate getkeyboardstate getforegroundwindow setwindowshookex copyfromscreen keylogger keystrokes getclipboard',
  token:
    'openprocesstoken duplicatetoken duplicatetokenex adjusttokenprivileges impersonateloggedonuser setthreadtoken sedebugprivilege ' +
    'createprocesswithtoken createprocesswithlogonw lookupprivilegevalue impersonatenamedpipeclient',
  socket:
    'tcpclient tcplistener udpclient getstream sockets networkstream accepttcpclient sslstream accepttcpclient namedpipe',
  shell:
    'redirectstandardinput redirectstandardoutput useshellexecute createnowindow sendback getbytes asciiencoding',
  proxy:
    'getsystemwebproxy defaultcredentials defaultnetworkcredentials useragent mozilla expect100continue servicepointmanager certificatevalidationcallback servercertificatevalidationcallback',
  hidden:
    'hidden noprofile nop noni noninteractive bypass windowstyle executionpolicy encodedcommand enc sta unrestricted',
  cipher: 'bxor xor rijndaelmanaged aesmanaged cryptostream createdecryptor createencryptor rc4 ksa',
  characters: 'tochararray chararray reverse toint16',
  persistence:
    '__eventfilter commandlineeventconsumer __filtertoconsumerbinding eventconsumer filtertoconsumerbinding currentversion ' +
    'runonce new-scheduledtask register-scheduledtask schtasks new-service userinit winlogon appinit_dlls',
  elevation:
    'fodhelper eventvwr ms-settings delegateexecute sdclt computerdefaults bypassuac cmstp wsreset silentcleanup',
  discovery:
    'get-aduser get-adcomputer get-adgroupmember get-netuser get-netcomputer get-netsession get-netlocalgroup directorysearcher ' +
    'whoami nltest get-domain get-domaincontroller netsessionenum netshareenum bloodhound sharphound',
  remote: 'invoke-command new-pssession psexec wmiexec smbexec win32_process copy-vss mmc20 shellwindows',
  snapshot: 'vssadmin shadowcopy win32_shadowcopy wbadmin bcdedit',
  exploit:
    'shellcode payload exploit inject injection reflective meterpreter metasploit cobalt beacon empire covenant stager stage0 ' +
    'implant c2 backdoor reverse_tcp powersploit powercat nishang inveigh',
  capture: 'microphone webcam screenshot copyfromscreen',
  mail: 'smtpclient mailmessage send-mailmessage',
  chat: 'discord telegram webhook webhooks pastebin sendmessage senddocument hastebin',
};

const kindByWord: ReadonlyMap<number, readonly number[]> = byWord();

function byWord(): ReadonlyMap<number, readonly number[]> {
  const result = new Map<number, number[]>();
  Object.values(capabilities).forEach((words, kind) => {
    for (const word of new Set(words.split(' '))) {
      const code = codeOf(word);
      result.set(code, [...(result.get(code) ?? []), kind]);
    }
  });
  return result;
}

export const capabilityNames: readonly string[] = Object.keys(capabilities);

/** @returns the indices in `capabilityNames` of what the word stands for; mostly none */
export function capabilitiesOf(code: number): readonly number[] | undefined {
  return kindByWord.get(code);
}

/** ATT&CK tactics that capabilities speak for, from the gravest on; the first that is there names the script. */
const tacticsByCapability: readonly (readonly [tactic: Tactic, capabilities: readonly string[]])[] = [
  ['credential-access', ['credentials']],
  ['impact', ['snapshot']],
  ['collection', ['keys', 'capture']],
  ['defense-evasion', ['scanning', 'tracing', 'protection']],
  ['privilege-escalation', ['elevation', 'token']],
  ['persistence', ['persistence']],
  ['command-and-control', ['socket', 'download', 'proxy']],
  ['execution', ['memory', 'thread', 'evaluate', 'start', 'hidden']],
];

export function tacticOf(names: readonly string[]): Tactic | undefined {
  return tacticsByCapability.find(([, of]) => of.some((name) => names.includes(name)))?.[0];
}
