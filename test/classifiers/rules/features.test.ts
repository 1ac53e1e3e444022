import { describe, expect, test } from '@jest/globals';
import { extractRuleFeatures } from '../../../classifiers/rules/features.ts';
import type { SigmaEvent } from '../../../classifiers/rules/sigma/event.ts';
import type { ReportInput } from '../../../contracts/report.ts';
import { acceptedReport } from '../../support/reports.ts';

type Entry = NonNullable<ReportInput['events']>[number];

const file: ReportInput['artifact'] = { kind: 'file', hash: { sha256: 'a'.repeat(64) } };

function featuresOf(report: Pick<ReportInput, 'artifact'> & Partial<ReportInput>) {
  return extractRuleFeatures(acceptedReport(report).report);
}

/** The events that one entry of `events` makes. */
function observed(...events: Entry[]): readonly SigmaEvent[] {
  return featuresOf({ artifact: file, events }).observed;
}

describe('the content of the artifact', () => {
  test('of a command line is its canonical text, and its program where the text names the whole path', () => {
    const { content } = featuresOf({
      artifact: { kind: 'command-line', text: '"C:\\Windows\\System32\\CMD.exe"  /c whoami' },
      process: { executable: 'C:\\Other\\x.exe', parent: { executable: 'C:\\p.exe' } },
    });
    expect(content.map(({ event }) => event)).toEqual([
      {
        product: 'windows',
        categories: ['process_creation'],
        fields: {
          CommandLine: 'c:\\windows\\system32\\cmd.exe /c whoami',
          Image: 'c:\\windows\\system32\\cmd.exe',
        },
      },
    ]);
    expect([...(content[0]?.settled ?? [])]).toEqual(['CommandLine', 'Image']);
  });

  test('of a command line without a path leaves the program open', () => {
    const [first] = featuresOf({ artifact: { kind: 'command-line', text: 'whoami /all' } }).content;
    expect(first?.event.fields['Image']).toBe('\\whoami.exe');
    expect([...(first?.settled ?? [])]).toEqual(['CommandLine']);
  });

  test('of a PowerShell command line holds the script that it carries', () => {
    const { content, observed: all } = featuresOf({
      artifact: { kind: 'command-line', text: 'powershell -Command "iex $x"' },
    });
    const script = {
      product: 'windows',
      categories: ['ps_script', 'script'],
      fields: { ScriptBlockText: 'iex $x' },
    };
    expect(content[1]?.event).toEqual(script);
    expect(all).toContainEqual(script);
  });

  test('of a script is its text', () => {
    const { content } = featuresOf({ artifact: { kind: 'script', text: '\ufeffGet-Date' } });
    expect(content.map(({ event }) => event.fields)).toEqual([{ ScriptBlockText: 'Get-Date' }]);
  });

  test('is empty where the text is cut or where there is none', () => {
    const hash = { sha256: 'a'.repeat(64) };
    expect(featuresOf({ artifact: { kind: 'script', text: 'x', hash, truncated: true } }).content).toEqual(
      [],
    );
    expect(featuresOf({ artifact: file, process: { command_line: 'x' } }).content).toEqual([]);
  });
});

describe('what the report tells of the artifact', () => {
  test('a command line has the process, parent and hashes that are reported with it', () => {
    const { observed: all } = featuresOf({
      artifact: { kind: 'command-line', text: 'CMD /c x' },
      process: {
        executable: 'C:\\Windows\\cmd.exe',
        command_line: 'cmd   /c x',
        user: { name: 'anna', domain: 'LAB' },
        hash: { md5: 'ab'.repeat(16) },
        pe: { original_file_name: 'Cmd.Exe', imphash: 'cd'.repeat(16) },
        parent: { executable: 'C:\\office\\winword.exe', command_line: 'winword a.doc' },
      },
    });
    expect(all).toEqual([
      {
        product: 'windows',
        categories: ['process_creation'],
        fields: {
          Image: 'C:\\Windows\\cmd.exe',
          CommandLine: 'CMD /c x',
          OriginalFileName: 'Cmd.Exe',
          Imphash: 'cd'.repeat(16),
          User: 'LAB\\anna',
          ParentImage: 'C:\\office\\winword.exe',
          ParentCommandLine: 'winword a.doc',
          Hashes: `MD5=${'AB'.repeat(16)},IMPHASH=${'CD'.repeat(16)}`,
        },
      },
    ]);
  });

  test('another process that is reported beside a command line stays apart from it', () => {
    const { observed: all } = featuresOf({
      artifact: { kind: 'command-line', text: 'whoami' },
      process: { executable: 'C:\\a.exe', command_line: 'a.exe /x' },
    });
    expect(all.map(({ fields }) => [fields['Image'], fields['CommandLine']])).toEqual([
      ['\\whoami.exe', 'whoami'],
      ['C:\\a.exe', 'a.exe /x'],
    ]);
  });

  test('a file is one that the process wrote', () => {
    const { observed: all } = featuresOf({
      artifact: file,
      file: { path: '%USERPROFILE%\\a.exe' },
      process: { executable: 'C:\\b.exe' },
    });
    expect(all[1]).toEqual({
      product: 'windows',
      categories: ['file_event'],
      fields: { Image: 'C:\\b.exe', TargetFilename: 'C:\\Users\\user\\a.exe' },
    });
  });

  test('a script of another language is no PowerShell', () => {
    const { observed: all } = featuresOf({
      artifact: { kind: 'script', text: 'x' },
      file: { path: 'C:\\a.js' },
    });
    expect(all.map(({ categories }) => categories)).toEqual([['script']]);
  });

  test('a program with a path of Unix is one of Linux', () => {
    const { observed: all } = featuresOf({
      artifact: file,
      process: { executable: '/bin/sh', command_line: 'sh' },
    });
    expect(all[0]?.product).toBe('linux');
  });
});

describe('events', () => {
  const actor = { entity_id: 'p', executable: 'C:\\a.exe' };

  const cases: readonly [Entry, string, object][] = [
    [{ registry: { hive: 'HKLM', key: 'A', value: 'b' } }, 'registry_set', { TargetObject: 'HKLM\\A\\b' }],
    [{ dns: { question: { name: 'a.example' } } }, 'dns_query', { QueryName: 'a.example' }],
    [
      { url: { full: 'https://a.example/x' } },
      'proxy',
      { 'c-uri': 'https://a.example/x', 'cs-host': 'a.example' },
    ],
    [{ url: { full: '::' } }, 'proxy', { 'c-uri': '::', 'cs-host': '' }],
    [
      { destination: { ip: '192.0.2.1', port: 443 } },
      'network_connection',
      { DestinationIp: '192.0.2.1', DestinationPort: 443, Initiated: 'true' },
    ],
    [
      { dll: { path: 'C:\\x.dll', code_signature: { exists: false } } },
      'image_load',
      { ImageLoaded: 'C:\\x.dll', Signed: false },
    ],
    [
      { event: { category: ['driver'] }, file: { path: 'C:\\x.sys' } },
      'driver_load',
      { ImageLoaded: 'C:\\x.sys' },
    ],
    [{ file: { path: 'C:\\x' } }, 'file_event', { TargetFilename: 'C:\\x' }],
    [{ event: { type: ['deletion'] }, file: { path: 'C:\\x' } }, 'file_delete', { TargetFilename: 'C:\\x' }],
    [{ event: { action: 'Rename' }, file: { path: 'C:\\x' } }, 'file_rename', { TargetFilename: 'C:\\x' }],
    [{ event: { type: ['access'] }, file: { path: 'C:\\x' } }, 'file_access', { TargetFilename: 'C:\\x' }],
    [{}, 'process_creation', {}],
  ];
  test.each(cases)('%j is a %s', (entry, category, fields) => {
    const [first, ...rest] = observed({ ...entry, process: actor });
    expect(rest).toEqual([]);
    expect(first?.categories[0]).toBe(category);
    expect(first?.fields).toMatchObject({ Image: 'C:\\a.exe', ...fields });
  });

  test('the end of a process is no start', () => {
    expect(observed({ event: { type: ['end'] }, process: actor })).toEqual([]);
  });

  test('know parent and grandparent by the ids of their processes', () => {
    const [, , last] = observed(
      { process: { entity_id: '1', executable: 'C:\\one.exe' } },
      {
        process: {
          entity_id: '2',
          executable: 'C:\\two.exe',
          command_line: 'two',
          parent: { entity_id: '1' },
        },
      },
      { process: { entity_id: '3', executable: 'C:\\three.exe', parent: { entity_id: '2' } } },
    );
    expect(last?.fields).toEqual({
      Image: 'C:\\three.exe',
      ParentImage: 'C:\\two.exe',
      ParentCommandLine: 'two',
      GrandParentImage: 'C:\\one.exe',
      ProcessGuid: 'process-3',
      ParentProcessGuid: 'process-2',
    });
  });

  test('name processes by their place, so that equal reports of two devices are equal', () => {
    const of = (first: string, second: string) =>
      observed(
        { process: { entity_id: first, executable: 'C:\\one.exe' } },
        { process: { entity_id: second, executable: 'C:\\two.exe', parent: { entity_id: first } } },
      );
    expect(of('a', 'b')).toEqual(of('x', 'y'));
  });

  test('have the time that their entry tells, else that of the report', () => {
    const { timesMs } = featuresOf({
      artifact: file,
      '@timestamp': '2026-01-01T00:01:00.000Z',
      events: [
        { '@timestamp': '2026-01-01T00:00:00.000Z', process: { executable: 'C:\\one.exe' } },
        { process: { executable: 'C:\\two.exe' } },
      ],
    });
    expect(timesMs.map((timeMs) => new Date(timeMs).toISOString())).toEqual([
      '2026-01-01T00:00:00.000Z',
      '2026-01-01T00:01:00.000Z',
    ]);
  });

  test('of the ancestors of the reported process are told apart from its own and from those below it', () => {
    const start = (id: string, parent: string | null, line: string): Entry => ({
      event: { category: ['process'], type: ['start'] },
      process: {
        ...{ entity_id: id, executable: `C:\\${id}.exe`, command_line: line },
        ...(parent !== null && { parent: { entity_id: parent } }),
      },
    });
    const { observed: all, byAncestors } = featuresOf({
      artifact: { kind: 'command-line', text: 'own.exe now' },
      process: { entity_id: 'own', command_line: 'own.exe now', parent: { entity_id: 'above' } },
      events: [start('top', null, 'top'), start('above', 'top', 'above'), start('below', 'own', 'below')],
    });
    const lines = (events: Iterable<SigmaEvent>) => [...events].map(({ fields }) => fields['CommandLine']);
    expect(lines(byAncestors)).toEqual(['top', 'above']);
    expect(lines(all)).toEqual(expect.arrayContaining(['top', 'above', 'below']));
  });

  test('of one process in another name both', () => {
    const target = { firebreak: { target: { process: { entity_id: 't' } } } };
    const [, thread, access] = observed(
      { process: { entity_id: 't', executable: 'C:\\lsass.exe' } },
      { process: actor, ...target },
      { process: actor, event: { action: 'OpenProcess-Access' }, ...target },
    );
    const fields = { SourceImage: 'C:\\a.exe', TargetImage: 'C:\\lsass.exe' };
    expect(thread).toEqual({ product: 'windows', categories: ['create_remote_thread'], fields });
    expect(access).toEqual({ product: 'windows', categories: ['process_access'], fields });
  });

  test('that name one process with a long command line do not multiply it', () => {
    const events = Array.from({ length: 500 }, () => ({ process: { parent: { entity_id: 'p' } } }));
    const all = featuresOf({
      artifact: file,
      process: { entity_id: 'p', command_line: `whole ${'x'.repeat(32_000)}` },
      events,
    }).observed;
    expect(all[0]?.fields['CommandLine']).toHaveLength(32_006);
    expect(JSON.stringify(all).length).toBeLessThan(700_000);
  });
});
