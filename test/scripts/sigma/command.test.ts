import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

const rules = `title: Shell
id: 00000000-0000-4000-8000-000000000001
name: shell
logsource: { category: process_creation, product: windows }
detection: { s: { Image|endswith: '\\cmd.exe' }, condition: s }
---
title: Two shells
id: 00000000-0000-4000-8000-000000000002
correlation: { type: event_count, rules: [shell], group-by: [User], timespan: 1m, condition: { gte: 2 }, generate: true }
`;
const events = [
  { EventID: 1, UtcTime: '2026-01-01 00:00:00.000', Image: 'C:\\cmd.exe', User: 'x' },
  { EventID: 11, UtcTime: '2026-01-01 00:00:01.000', Image: 'C:\\cmd.exe', User: 'x' },
  {
    EventID: 4688,
    Channel: 'Security',
    UtcTime: '2026-01-01 00:00:30.000',
    NewProcessName: 'C:\\cmd.exe',
    User: 'X',
  },
];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sigma-'));
  await writeFile(join(folder, 'rules.yml'), rules);
  await writeFile(
    join(folder, 'bad.yml'),
    rules.replaceAll('endswith', 'like').replaceAll('000000000001', '000000000003'),
  );
  await writeFile(join(folder, 'events.jsonl'), events.map((event) => `${JSON.stringify(event)}\n`).join(''));
});
afterAll(async () => rm(folder, { recursive: true }));

function sigma(...words: string[]): Promise<{ code: number; lines: string[] }> {
  return new Promise((resolve) => {
    const command = ['--import', 'tsx', 'scripts/sigma.ts', ...words];
    execFile(process.execPath, command, (error, output) => {
      resolve({
        code: error === null ? 0 : Number(error.code),
        lines: output.split('\n').filter((line) => line !== ''),
      });
    });
  });
}

test('check tells file, line and reason of what cannot be used', async () => {
  expect(await sigma('check', join(folder, 'rules.yml'))).toEqual({ code: 0, lines: [] });
  const { code, lines } = await sigma('check', folder);
  expect(code).toBe(1);
  expect(lines[0]).toBe(`${join(folder, 'bad.yml')}:5: the modifier "like" is not known`);
});

test('test prints what fires on events of several logs, and which correlations are fulfilled', async () => {
  const { code, lines } = await sigma(
    'test',
    join(folder, 'rules.yml'),
    '--events',
    join(folder, 'events.jsonl'),
  );
  expect(code).toBe(0);
  expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
    { event: 0, rules: ['00000000-0000-4000-8000-000000000001'] },
    { event: 2, rules: ['00000000-0000-4000-8000-000000000001'] },
    {
      correlation: '00000000-0000-4000-8000-000000000002',
      group: { User: 'x' },
      start: '2026-01-01T00:00:00.000Z',
      end: '2026-01-01T00:00:30.000Z',
      events: [0, 2],
    },
  ]);
});
