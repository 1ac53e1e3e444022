import { describe, expect, test } from '@jest/globals';
import {
  fieldAliasesOf,
  pipelineNames,
  readPipeline,
  toSigmaEvent,
  type PipelineName,
} from '../../../../classifiers/rules/sigma/pipeline.ts';

const convert = (record: object, ...names: PipelineName[]) =>
  toSigmaEvent({ ...record }, names.map(readPipeline));

test('every pipeline is what its name says', () => {
  expect(pipelineNames.map((name) => readPipeline(name).name)).toEqual([...pipelineNames]);
});

describe('sysmon', () => {
  test.each([
    [{ EventID: 1 }, ['process_creation']],
    [{ EventID: 13 }, ['registry_set', 'registry_event']],
    [{ EventID: 12, EventType: 'CreateKey' }, ['registry_event', 'registry_add']],
    [{ EventID: 12, EventType: 'DeleteValue' }, ['registry_event', 'registry_delete']],
    [{ EventID: '22' }, ['dns_query']],
    [{ EventID: 999 }, []],
  ])('%j is %j', (record, categories) => {
    expect(convert(record, 'sysmon')).toMatchObject({ product: 'windows', service: 'sysmon', categories });
  });

  test('takes fields out of the wrappings of collectors', () => {
    const winlog = {
      winlog: {
        event_id: 1,
        channel: 'Microsoft-Windows-Sysmon/Operational',
        event_data: { Image: 'C:\\a.exe', CommandLine: 'a' },
      },
    };
    const event = convert(winlog, 'sysmon');
    expect(event.categories).toEqual(['process_creation']);
    expect(event.fields).toMatchObject({ Image: 'C:\\a.exe', CommandLine: 'a', EventID: 1 });
  });

  test('leaves events of other logs alone', () => {
    const fields = { EventID: 1, Channel: 'System' };
    expect(convert(fields, 'sysmon')).toEqual({ product: '', categories: [], fields });
  });
});

describe('security', () => {
  test('a process creation has the names of Sigma beside its own', () => {
    const record = {
      EventID: 4688,
      Channel: 'Security',
      NewProcessName: 'C:\\a.exe',
      NewProcessId: '0x10',
      ProcessId: '0x4',
      ParentProcessName: 'C:\\p.exe',
      MandatoryLabel: 'S-1-16-12288',
    };
    expect(convert(record, 'sysmon', 'security')).toMatchObject({
      service: 'security',
      categories: ['process_creation'],
      fields: {
        ...{ Image: 'C:\\a.exe', NewProcessName: 'C:\\a.exe', ParentImage: 'C:\\p.exe' },
        ...{ ProcessId: '0x10', ParentProcessId: '0x4', IntegrityLevel: 'High' },
      },
    });
  });

  test('other events have their own names and the service', () => {
    expect(convert({ EventID: 4624, Channel: 'Security', TargetUserName: 'x' }, 'security')).toMatchObject({
      service: 'security',
      categories: [],
      fields: { TargetUserName: 'x' },
    });
  });
});

test('windows channels are services', () => {
  const script = { EventID: 4104, Channel: 'Microsoft-Windows-PowerShell/Operational', ScriptBlockText: 'x' };
  expect(convert(script, 'sysmon', 'security', 'windows')).toMatchObject({
    service: 'powershell',
    categories: ['ps_script'],
  });
  expect(convert({ Provider_Name: 'Microsoft-Windows-TaskScheduler' }, 'windows')).toMatchObject({
    service: 'taskscheduler',
  });
  expect(convert({ Channel: 'System', EventID: 7045 }, 'sysmon', 'windows')).toMatchObject({
    service: 'system',
  });
});

test('ECS is placed by category, type and system', () => {
  const record = {
    host: { os: { type: 'linux' } },
    event: { category: ['process'], type: ['start'] },
    process: { executable: '/bin/sh', command_line: 'sh', parent: { executable: '/bin/init' } },
  };
  expect(convert(record, 'ecs')).toMatchObject({
    product: 'linux',
    categories: ['process_creation'],
    fields: { Image: '/bin/sh', CommandLine: 'sh', ParentImage: '/bin/init' },
  });
});

test('events of the taxonomy itself say where they come from', () => {
  expect(convert({ product: 'zeek', service: 'dns', category: 'dns', query: 'x' }, 'sigma')).toEqual({
    product: 'zeek',
    categories: ['dns'],
    service: 'dns',
    fields: { product: 'zeek', service: 'dns', category: 'dns', query: 'x' },
  });
});

test('rules may use the names of the logs', () => {
  expect(fieldAliasesOf([readPipeline('ecs'), readPipeline('security')])).toMatchObject({
    NewProcessName: 'Image',
    'process.command_line': 'CommandLine',
  });
});
