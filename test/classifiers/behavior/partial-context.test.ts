import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import {
  createBehaviorClassifier,
  type BehaviorClassifier,
} from '../../../classifiers/behavior/classifier.ts';
import type { EcsProcess } from '../../../contracts/ecs.ts';
import type { Report } from '../../../contracts/report.ts';
import { loadModel } from '../../../platform/onnx/model.ts';
import { readGoldenCases } from '../golden-cases.ts';

const startedSchema = z.array(z.object({ executable: z.string(), commandLine: z.string() }));
const unseenSchema = z.object({ everyday: startedSchema.min(150), hostile: startedSchema.min(50) });
const learnedSchema = z.object({ groups: z.array(z.object({ lines: z.array(z.string()) })) });
type Started = z.infer<typeof startedSchema>[number];

const system = 'C:\\Windows\\System32\\';
const parents: readonly (readonly [executable: string, commandLine: string])[] = [
  ['C:\\Windows\\explorer.exe', 'C:\\Windows\\Explorer.EXE'],
  [`${system}cmd.exe`, `"${system}cmd.exe"`],
  [`${system}cmd.exe`, `${system}cmd.exe /c ""C:\\jobs\\nightly.bat" "`],
  [`${system}WindowsPowerShell\\v1.0\\powershell.exe`, `"${system}WindowsPowerShell\\v1.0\\powershell.exe"`],
  ['C:\\Program Files\\PowerShell\\7\\pwsh.exe', '"C:\\Program Files\\PowerShell\\7\\pwsh.exe" -NoLogo'],
  [
    'C:\\Program Files\\WindowsApps\\Microsoft.WindowsTerminal_1.19.10573.0_x64__8wekyb3d8bbwe\\WindowsTerminal.exe',
    'WindowsTerminal.exe',
  ],
  [`${system}services.exe`, `${system}services.exe`],
  [`${system}svchost.exe`, `${system}svchost.exe -k netsvcs -p -s Schedule`],
  [`${system}OpenSSH\\sshd.exe`, `"${system}OpenSSH\\sshd.exe" -R`],
  ['C:\\Users\\sam\\AppData\\Local\\Programs\\Microsoft VS Code\\Code.exe', 'Code.exe'],
];
const nameOf = (path: string) => path.slice(path.lastIndexOf('\\') + 1);

/** What a sensor may tell of a process, from nothing to all that a single start tells. */
function tellings(image: string): readonly EcsProcess[] {
  return [
    {},
    { executable: image },
    { executable: nameOf(image) },
    ...parents.flatMap(([executable, commandLine]): readonly EcsProcess[] => [
      { executable: image, parent: { name: nameOf(executable) } },
      { executable: image, parent: { executable: nameOf(executable) } },
      { executable: nameOf(image), parent: { executable: nameOf(executable) } },
      { executable: image, parent: { command_line: commandLine } },
      { executable: image, parent: { executable: nameOf(executable), command_line: commandLine } },
      { parent: { executable, command_line: commandLine } },
      { executable: image, parent: { executable } },
      { executable: image, parent: { executable, command_line: commandLine } },
    ]),
  ];
}

const ownList = async (file: string): Promise<unknown> =>
  JSON.parse(await readFile(new URL(`../../../training/own/${file}`, import.meta.url), 'utf8'));

let classifier: BehaviorClassifier;
let template: Report;
let unseen: z.infer<typeof unseenSchema>;
beforeAll(async () => {
  classifier = await createBehaviorClassifier(loadModel);
  const [first] = await readGoldenCases('behavior');
  if (first === undefined) throw new Error('there are golden cases');
  template = first.report;
  unseen = unseenSchema.parse(await ownList('unseen-in-context.json'));
});
afterAll(() => classifier.close());

/** @returns for each telling of each command whether it is blocked */
async function blocked(commands: readonly Started[]) {
  const told = commands.flatMap(({ executable, commandLine }) =>
    tellings(executable).map((process) => ({ commandLine, process })),
  );
  const outcomes = await classifier.score(
    told.map(({ commandLine, process }) => ({
      report: {
        ...template,
        artifact: { kind: 'command-line', text: commandLine },
        process: { ...process, command_line: commandLine },
      },
      evidence: 'content',
    })),
  );
  return told.map((each, index) => {
    const outcome = outcomes[index];
    return {
      ...each,
      isBlocked: outcome?.outcome === 'score' && outcome.probability >= classifier.profile.threshold,
    };
  });
}

describe('a context that is told in part', () => {
  test('no model learned the commands that judge it', async () => {
    const { groups } = learnedSchema.parse(await ownList('benign-commands.json'));
    const learned = new Set(groups.flatMap(({ lines }) => lines));
    expect(unseen.everyday.filter(({ commandLine }) => learned.has(commandLine))).toEqual([]);
  });

  test('condemns no everyday command where no parent is known', async () => {
    const told = (await blocked(unseen.everyday)).filter(
      ({ process }) => process.parent?.executable === undefined,
    );
    expect(told.length).toBeGreaterThan(3000);
    expect(told.filter(({ isBlocked }) => isBlocked)).toEqual([]);
  });

  test('condemns at most one everyday command in a hundred under the usual parents', async () => {
    const told = await blocked(unseen.everyday);
    const wrong = told.filter(({ isBlocked }) => isBlocked);
    expect(wrong.length).toBeLessThanOrEqual(Math.floor(told.length / 100));
  });

  test('excuses hostile commands no more than their text alone does', async () => {
    const told = await blocked(unseen.hostile);
    const share = (which: typeof told) => which.filter(({ isBlocked }) => isBlocked).length / which.length;
    const alone = told.filter(({ process }) => Object.keys(process).length === 0);
    expect(share(alone)).toBeGreaterThan(0.2);
    expect(share(told)).toBeGreaterThan(share(alone));
  });
});
