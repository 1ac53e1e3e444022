import { z } from 'zod';
import type { EcsFile, EcsProcess } from '../../contracts/ecs.ts';
import type { AcceptedReport } from '../../contracts/records.ts';

/** Why an artifact is never blocked automatically: what abused it is. */
export const guardSchema = z.enum(['platform-binary', 'protected-publisher', 'known-good']);
export type Guard = z.infer<typeof guardSchema>;

/** Publishers whose validly signed files are never blocked automatically, as in Defender's guard of its stop-and-quarantine action. */
const protectedPublishers = [
  'microsoft windows',
  'microsoft corporation',
  'microsoft windows publisher',
  'google llc',
  'mozilla corporation',
  'apple inc.',
];

/** The empty file: it reaches indicator lists again and again. */
const knownGoodDigests = new Set([
  'file:sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  'file:sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709',
  'file:md5:d41d8cd98f00b204e9800998ecf8427e',
]);

/**
 * Programs that Windows itself installs and that attacks borrow. A path alone proves nothing, so it counts only below the
 * system folders, where writing needs an administrator.
 */
const systemPrograms = new Set(
  (
    'cmd powershell powershell_ise pwsh wscript cscript mshta rundll32 regsvr32 explorer svchost services lsass winlogon wininit csrss smss ' +
    'taskhostw taskeng schtasks at sc net net1 netsh reg regedit wmic wmiprvse msiexec msbuild installutil certutil bitsadmin forfiles ' +
    'conhost dllhost spoolsv searchindexer sihost runtimebroker userinit logonui consent whoami systeminfo tasklist taskkill ipconfig ' +
    'nltest vssadmin wbadmin bcdedit wevtutil fsutil cipher icacls takeown attrib xcopy robocopy curl tar ssh ftp hh odbcconf cmstp ' +
    'control mmc eventvwr fodhelper computerdefaults sdclt wsreset gpupdate dsregcmd diskshadow esentutl expand extrac32 makecab ' +
    'findstr find sort ping nslookup arp route tracert quser query rwinsta mstsc notepad calc mspaint'
  ).split(' '),
);
const systemFolder =
  /^(?:[a-z]:\\windows|%systemroot%|%windir%)\\(?:system32|syswow64|sysnative)?(?:\\(?:wbem|windowspowershell\\v1\.0|openssh))?\\?$/i;

/** @returns why the reported artifact is never blocked automatically, or null */
export function guardOf(report: AcceptedReport): Guard | null {
  if (knownGoodDigests.has(report.artifactKey)) return 'known-good';
  if (report.artifactKind !== 'file') return null;
  return guardOfFile(report.report.file);
}

function guardOfFile(file: EcsFile | undefined): Guard | null {
  if (file === undefined) return null;
  if (isProtectedSignature(file.code_signature)) return 'protected-publisher';
  return file.path !== undefined && isSystemPath(file.path) ? 'platform-binary' : null;
}

/** A finding about such a process testifies against what it was told to do, never against the program. */
export function isPlatformProcess(process: Pick<EcsProcess, 'executable' | 'code_signature'>): boolean {
  return (
    isProtectedSignature(process.code_signature) ||
    (process.executable !== undefined && isSystemPath(process.executable))
  );
}

function isProtectedSignature(signature: EcsFile['code_signature']): boolean {
  const subject = signature?.subject_name?.toLowerCase();
  if (subject === undefined || signature?.valid !== true || signature.trusted === false) return false;
  const commonName = /(?:^|,\s*)cn="?([^,"]+)/.exec(subject)?.[1]?.trim() ?? subject.trim();
  return protectedPublishers.includes(commonName);
}

function isSystemPath(path: string): boolean {
  const cut = path.lastIndexOf('\\');
  const folder = path.slice(0, cut + 1);
  const program = path
    .slice(cut + 1)
    .toLowerCase()
    .replace(/\.(?:exe|dll|com|scr)$/, '');
  return systemFolder.test(folder) && systemPrograms.has(program);
}
