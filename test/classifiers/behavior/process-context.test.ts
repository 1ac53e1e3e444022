import { describe, expect, test } from '@jest/globals';
import { observedProcesses } from '../../../classifiers/behavior/process-context.ts';
import type { EcsProcess } from '../../../contracts/ecs.ts';

const digest = (letter: string) => letter.repeat(64);
const start = (process: EcsProcess) => ({
  event: { category: ['process' as const], type: ['start'] },
  process,
});

describe('observedProcesses', () => {
  test('a command line stands for the process that it started, with its lineage out of the events', () => {
    const [process] = observedProcesses({
      artifact: { kind: 'command-line', text: 'whoami' },
      process: { entity_id: 'c', executable: 'whoami.exe', parent: { entity_id: 'b' } },
      events: [
        start({ entity_id: 'b', executable: 'cmd.exe', command_line: 'cmd', parent: { entity_id: 'a' } }),
        start({ entity_id: 'a', executable: 'winword.exe' }),
      ],
    });
    expect(process).toMatchObject({
      commandLine: 'whoami',
      lineage: [
        { executable: 'cmd.exe', commandLine: 'cmd' },
        { executable: 'winword.exe', commandLine: undefined },
      ],
    });
  });

  test('a file stands for its own process and all that it started', () => {
    const processes = observedProcesses({
      artifact: { kind: 'file', hash: { sha256: digest('a') } },
      process: { entity_id: 'root', command_line: 'invoice.exe', hash: { sha256: digest('a') } },
      events: [
        start({ entity_id: 'child', command_line: 'cmd /c next', parent: { entity_id: 'root' } }),
        start({ entity_id: 'grandchild', command_line: 'next', parent: { entity_id: 'child' } }),
        start({ entity_id: 'other', command_line: 'elsewhere', parent: { entity_id: 'stranger' } }),
      ],
    });
    expect(processes.map(({ commandLine }) => commandLine)).toEqual(['invoice.exe', 'cmd /c next', 'next']);
  });

  test('a process that only touched the file says nothing about it', () => {
    const touched = { artifact: { kind: 'file' as const, hash: { sha256: digest('a') } } };
    expect(
      observedProcesses({
        ...touched,
        process: { command_line: 'winword.exe', hash: { sha256: digest('b') } },
      }),
    ).toEqual([]);
    expect(observedProcesses(touched)).toEqual([]);
  });

  test('processes that name each other in a circle end', () => {
    const [process] = observedProcesses({
      artifact: { kind: 'command-line', text: 'x' },
      process: { entity_id: 'a', parent: { entity_id: 'b' } },
      events: [start({ entity_id: 'b', executable: 'b.exe', parent: { entity_id: 'a' } })],
    });
    expect(process?.lineage.length).toBeLessThanOrEqual(8);
  });

  test('a domain has no process', () => {
    expect(observedProcesses({ artifact: { kind: 'domain', value: 'example.org' } })).toEqual([]);
  });
});
