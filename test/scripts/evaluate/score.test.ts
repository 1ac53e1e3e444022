import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { hostileReport } from '../../../bench/corpus.ts';

const run = promisify(execFile);
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'firebreak-score-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(content) : content);
  return path;
}

const jsonLines = (rows: readonly object[]) => rows.map((row) => JSON.stringify(row)).join('\n');

async function tool(script: string, ...args: string[]) {
  const { stdout } = await run('node', ['--import', 'tsx', `scripts/${script}.ts`, ...args]);
  return stdout;
}

async function decisions(classifier: string, path: string): Promise<readonly (string | undefined)[][]> {
  const [header, ...lines] = (await tool('score', '--classifier', classifier, path)).trimEnd().split('\n');
  expect(header).toBe('id,probability,threshold,decision');
  return lines.map((line) => line.split(','));
}

describe('score', () => {
  test('command lines get a line each, in their order', async () => {
    const { text } = hostileReport('one').artifact;
    const path = written(
      'commands.jsonl.gz',
      jsonLines([{ command: 'ipconfig /all' }, { command: text }, { command: '' }]),
    );
    const lines = await decisions('rules', path);
    expect(lines.map(([id, , , decision]) => [id, decision])).toEqual([
      ['1', 'allow'],
      ['2', 'block'],
      ['3', 'abstain'],
    ]);
  });

  test('reports are checked as the service does, and named by their ids', async () => {
    const report = {
      id: '0190a000-0000-7000-8000-000000000001',
      '@timestamp': '2026-01-01T00:00:00Z',
      ...hostileReport('two'),
    };
    const path = written('reports.jsonl', jsonLines([report, { report: { ...report, artifact: {} } }]));
    const lines = await decisions('rules', path);
    expect(lines.map(([id, , , decision]) => [id, decision])).toEqual([
      [report.id, 'block'],
      [report.id, 'invalid'],
    ]);
  });

  test('a process start is judged with the starts before it in its capture', async () => {
    const start = (image: string, line: string, pid: string, parent: string) => ({
      ...{ EventID: 1, capture: 'one', host: 'h', label: 'benign' },
      ...{ Image: image, CommandLine: line, ProcessId: pid, ParentProcessId: parent },
    });
    const rows = [
      start('C:\\Windows\\System32\\cmd.exe', 'cmd.exe /k', '10', '1'),
      { EventID: 11, capture: 'one', host: 'h', Image: 'C:\\Windows\\System32\\cmd.exe' },
      start('C:\\Windows\\System32\\whoami.exe', 'whoami', '11', '10'),
    ];
    const lines = await decisions('behavior', written('telemetry.jsonl', jsonLines(rows)));
    expect(lines.map(([, , , decision]) => decision === 'abstain')).toEqual([false, true, false]);
    const alone = await decisions('behavior', written('alone.jsonl', jsonLines(rows.slice(2))));
    expect(alone[0]?.[1]).not.toBe(lines[2]?.[1]);
  });

  test('what is not known is refused with what is', async () => {
    const path = written('strange.csv', 'alpha,beta\n1,2\n');
    await expect(tool('score', '--classifier', 'rules', path)).rejects.toThrow(/executables: header fields/);
    await expect(tool('score', '--classifier', 'nonsense', path)).rejects.toThrow(
      /There is no classifier nonsense; there are metadata, behavior, script, network, rules/,
    );
  });
});

describe('evaluate', () => {
  test('writes figures for every known file of a folder, and a curve for each classifier', async () => {
    const { text } = hostileReport('three').artifact;
    const data = mkdtempSync(join(folder, 'data-'));
    writeFileSync(
      join(data, 'lines.jsonl'),
      jsonLines([
        { command: text, label: 'malicious', src: 'ours' },
        { command: 'ipconfig /all', label: 'benign', src: 'ours' },
        { command: 'whoami', label: 'unknown', src: 'ours' },
      ]),
    );
    writeFileSync(join(data, 'notes.csv'), 'alpha,beta\n1,2\n');
    const out = join(data, 'report.json');
    await tool('evaluate', '--data', data, '--out', out);
    const report = JSON.parse(readFileSync(out, 'utf8')) as {
      readonly files: readonly string[];
      readonly classifiers: Readonly<Record<string, { readonly files: object; readonly groups: object }>>;
    };
    expect(report.files).toEqual(['lines.jsonl']);
    expect(Object.keys(report.classifiers)).toEqual([
      'metadata',
      'behavior',
      'script',
      'network',
      'rules',
      'combined',
    ]);
    expect(report.classifiers['metadata']?.files).toEqual({});
    expect(report.classifiers['rules']?.files).toMatchObject({
      'lines.jsonl': {
        malicious: { rows: 1, rate: 1 },
        benign: { rows: 1, rate: 0 },
        trainedOn: false,
        auc: 1,
      },
    });
    expect(report.classifiers['combined']?.files).toMatchObject({
      'lines.jsonl': { malicious: { rows: 1, rate: 1 }, benign: { rows: 1, rate: 0 }, trainedOn: false },
    });
    expect(report.classifiers['rules']?.groups).toMatchObject({
      source: { ours: { malicious: { rows: 1 } } },
    });
    expect(readFileSync(join(data, 'report-rules.svg'), 'utf8')).toMatch(
      /^<svg[^]*lines\.jsonl[^]*<\/svg>\n$/,
    );
  });
});
