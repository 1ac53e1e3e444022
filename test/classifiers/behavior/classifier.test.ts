import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import {
  createBehaviorClassifier,
  type BehaviorClassifier,
} from '../../../classifiers/behavior/classifier.ts';
import { readModelManifest } from '../../../classifiers/model-manifest.ts';
import { sha256Hex } from '../../../contracts/canonical.ts';
import type { Report } from '../../../contracts/report.ts';
import { loadModel } from '../../../platform/onnx/model.ts';
import { readGoldenCases } from '../golden-cases.ts';

const folder = new URL('../../../classifiers/behavior/', import.meta.url);
let classifier: BehaviorClassifier;
beforeAll(async () => {
  classifier = await createBehaviorClassifier(loadModel);
});
afterAll(() => classifier.close());

const unseenSchema = z.object({ lines: z.array(z.string()).min(200) });

async function template(): Promise<Report> {
  const [first] = await readGoldenCases('behavior');
  if (first === undefined) throw new Error('there are golden cases');
  return first.report;
}

describe('the behavior classifier', () => {
  test('the manifest names the model beside it', async () => {
    const { model } = await readModelManifest(new URL('manifest.json', folder));
    const bytes = await readFile(new URL(model.file, folder));
    expect([sha256Hex(bytes), bytes.length]).toEqual([model.sha256, model.sizeBytes]);
  });

  test('golden reports score what the training environment computed, one by one and together', async () => {
    const cases = await readGoldenCases('behavior');
    const inputs = cases.map(({ report }) => ({ report, evidence: 'content' as const }));
    const together = await classifier.score(inputs);
    for (const [index, input] of inputs.entries()) {
      const [alone] = await classifier.score([input]);
      const outcome = together[index];
      if (alone?.outcome !== 'score' || outcome?.outcome !== 'score')
        throw new Error('every golden report is scored');
      expect(Math.abs(alone.probability - outcome.probability)).toBeLessThanOrEqual(1e-6);
      const expected = cases[index]?.expected;
      expect(Math.abs(outcome.probability - (expected?.probability ?? 0))).toBeLessThanOrEqual(1e-5);
      if (outcome.contentProbability !== null) {
        expect(Math.abs(outcome.contentProbability - (expected?.textProbability ?? 0))).toBeLessThanOrEqual(
          1e-5,
        );
      }
    }
  });

  test.each([
    'cmd.exe',
    'C:\\Windows\\System32\\cmd.exe',
    '"C:\\Program Files\\App\\powershell.exe"',
    'whoami',
  ])('a program without arguments says nothing by its name alone: %s', async (text) => {
    const { process: _, events: __, ...rest } = await template();
    const report: Report = { ...rest, artifact: { kind: 'command-line', text } };
    expect(await classifier.score([{ report, evidence: 'content' }])).toEqual([
      { outcome: 'abstained', reason: expect.stringContaining('without arguments') },
    ]);
    const parent = { executable: 'C:\\Program Files\\Microsoft Office\\winword.exe' };
    const started: Report = { ...report, process: { executable: text, command_line: text, parent } };
    const [inContext] = await classifier.score([{ report: started, evidence: 'content' }]);
    expect(inContext).toMatchObject({ outcome: 'score', contentProbability: null });
  });

  test('only the text of a command line that the service vouches for is content', async () => {
    const cases = await readGoldenCases('behavior');
    const scored = async (report: Report, evidence: 'content' | 'testimony') => {
      const [outcome] = await classifier.score([{ report, evidence }]);
      return outcome?.outcome === 'score' ? outcome.contentProbability : undefined;
    };
    for (const { report } of cases) {
      expect(await scored(report, 'testimony')).toBeNull();
      const vouched = await scored(report, 'content');
      if (report.artifact.kind === 'file') expect(vouched).toBeNull();
      else expect(vouched).toBeGreaterThan(0);
    }
  });

  test('context never changes the content probability', async () => {
    const report = await template();
    const text = { ...report.artifact, text: 'vssadmin delete shadows /all /quiet' };
    const bare = { ...report, artifact: text };
    const placed = {
      ...bare,
      process: {
        executable: 'C:\\Windows\\System32\\vssadmin.exe',
        parent: { executable: 'C:\\Program Files\\Backup\\agent.exe' },
      },
    };
    const outcomes = await classifier.score(
      [bare, placed].map((one) => ({ report: one, evidence: 'content' })),
    );
    const [first, second] = outcomes.map((outcome) =>
      outcome.outcome === 'score' ? outcome.contentProbability : null,
    );
    expect(Math.abs((first ?? 0) - (second ?? 1))).toBeLessThanOrEqual(1e-6);
  });

  test('an excepted lineage and a report without a process are abstained from, in their place of the batch', async () => {
    const report = await template();
    const system = 'C:\\Windows\\System32\\';
    const host = `${system}cscript.exe ${system}gatherNetworkInfo.vbs`;
    const traced: Report = {
      ...report,
      artifact: {
        kind: 'command-line',
        text: 'cmd /c reg export HKLM\\SOFTWARE\\Example Reg\\Example.txt /y',
      },
      process: {
        entity_id: 'c',
        executable: `${system}cmd.exe`,
        parent: { entity_id: 'b', executable: `${system}cscript.exe`, command_line: host },
      },
      events: [
        {
          process: {
            entity_id: 'b',
            executable: `${system}cscript.exe`,
            command_line: host,
            parent: { executable: `${system}netsh.exe` },
          },
        },
      ],
    };
    const file: Report = { ...report, artifact: { kind: 'file', hash: { sha256: 'a'.repeat(64) } } };
    const outcomes = await classifier.score(
      [traced, report, file].map((one) => ({ report: one, evidence: 'testimony' })),
    );
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['abstained', 'score', 'abstained']);
    expect(outcomes[0]).toMatchObject({ reason: expect.stringContaining('netsh-trace-diagnostics') });
  });

  test('what differs in lineage alone is not one inference', async () => {
    const report = await template();
    const placed = { ...report, process: { executable: 'C:\\Windows\\System32\\ipconfig.exe' } };
    const key = (one: Report) => classifier.cacheKey({ report: one, evidence: 'content' });
    expect(key(report)).toBe(key({ ...report, '@timestamp': placed['@timestamp'] }));
    expect(key(placed)).not.toBe(key(report));
  });
});

describe('administration that looks hostile', () => {
  const lines = [
    'quser /server:ts02',
    'net group "domain users" /domain',
    'nltest /domain_trusts',
    'wevtutil epl Application C:\\temp\\app.evtx',
    'reg add "HKLM\\SOFTWARE\\Policies\\Example" /v Enabled /t REG_DWORD /d 1 /f',
    'netsh interface portproxy show all',
    'vssadmin list shadowstorage',
    'certutil -urlcache * delete',
    'bitsadmin /list /allusers',
    'schtasks /change /tn "Nightly backup" /disable',
    'powershell.exe -ExecutionPolicy Bypass -File C:\\scripts\\inventory.ps1',
    'rundll32 printui.dll,PrintUIEntry /in /n \\\\print01\\hp4',
    'icacls C:\\inetpub\\wwwroot /grant IIS_IUSRS:(RX)',
    'psexec \\\\ws12 ipconfig',
  ];

  test('stays below the threshold, in a shell and as text alone', async () => {
    const report = await template();
    const shell = { executable: 'C:\\Windows\\System32\\cmd.exe', command_line: 'cmd' };
    const reports = lines.flatMap((text) => [
      { ...report, artifact: { kind: 'command-line' as const, text } },
      {
        ...report,
        artifact: { kind: 'command-line' as const, text },
        process: { executable: `C:\\Windows\\System32\\${text.split(' ')[0]}.exe`, parent: shell },
      },
    ]);
    const outcomes = await classifier.score(reports.map((one) => ({ report: one, evidence: 'content' })));
    const blocked = outcomes.flatMap((outcome, index) =>
      outcome.outcome === 'score' && outcome.probability >= classifier.profile.threshold
        ? [reports[index]?.artifact.text]
        : [],
    );
    expect(blocked).toEqual([]);
  });

  test('of ordinary commands that no model learned at most one in a hundred is above it', async () => {
    const path = new URL('../../../training/own/unseen-commands.json', import.meta.url);
    const { lines: unseen } = unseenSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const report = await template();
    const outcomes = await classifier.score(
      unseen.map((text) => ({
        report: { ...report, artifact: { kind: 'command-line', text } },
        evidence: 'content',
      })),
    );
    const blocked = outcomes.flatMap((outcome, index) =>
      outcome.outcome === 'score' && outcome.probability >= classifier.profile.threshold
        ? [unseen[index]]
        : [],
    );
    expect(blocked.length).toBeLessThanOrEqual(Math.floor(unseen.length / 100));
  });
});
