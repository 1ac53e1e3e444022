import { plain32, rich64 } from '../pe-samples.ts';
import { buildElf } from './elf.ts';
import { buildLnk } from './lnk.ts';
import { macroProject } from './ole.ts';
import { buildPdf } from './pdf.ts';
import { buildZip } from './zip.ts';

const encoded = Buffer.from(
  'Write-Output "a line long enough to be decoded and looked at"',
  'utf16le',
).toString('base64');
const macros = macroProject('Sub AutoOpen()\r\n  MsgBox "hello"\r\nEnd Sub\r\n');
const relations = '<Relationship Type="x/attachedTemplate" Target="https://example.org/a.dotm"/>';

/** Small files of every kind that is parsed, each with what its parser looks for: what mutations start from. */
export const seeds: ReadonlyMap<string, Buffer> = new Map([
  ['program.exe', plain32],
  ['library.dll', rich64],
  ['program', buildElf()],
  [
    'archive.zip',
    buildZip([
      { name: 'letter.pdf.js', content: Buffer.from('WScript.Echo(1)') },
      { name: 'program.exe', content: plain32 },
    ]),
  ],
  [
    'document.docm',
    buildZip([
      { name: '[Content_Types].xml', content: Buffer.from('<Types/>') },
      { name: 'word/_rels/settings.xml.rels', content: Buffer.from(relations) },
      { name: 'word/vbaProject.bin', content: macros },
    ]),
  ],
  ['document.doc', macros],
  [
    'document.pdf',
    buildPdf('/OpenAction 4 0 R /AA 5 0 R', '4 0 obj << /S /JavaScript /JS (app.alert) >> endobj'),
  ],
  [
    'shortcut.lnk',
    buildLnk({ path: 'powershell.exe', commandLine: `-enc ${encoded}`, iconLocation: 'a.pdf' }),
  ],
  ['script.ps1', Buffer.from(`$a = "${encoded}"\r\nInvoke-Thing $a # ${'x'.repeat(200)}\r\n`)],
  ['script.vbs', Buffer.from('\ufeffSet a = CreateObject("WScript.Shell")\r\na.Run "cmd"\r\n', 'utf16le')],
]);
