import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ClassifierInput, ClassifierOutcome } from '../../../classifiers/classifier.ts';
import { createRulesClassifier, RulesClassifier } from '../../../classifiers/rules/classifier.ts';
import { loadRules } from '../../../classifiers/rules/load-rules.ts';
import { readManifest } from '../../../classifiers/rules/manifest.ts';
import { classifierProfileSchema } from '../../../contracts/classifier-profile.ts';
import type { ReportInput } from '../../../contracts/report.ts';
import { scoreSchema } from '../../../contracts/score.ts';
import { acceptedReport } from '../../support/reports.ts';
import { hostileReports } from './hostile-reports.ts';

const rules = `
title: Encoded command
id: 00000000-0000-4000-8000-000000000001
logsource: { category: process_creation, product: windows }
detection:
  selection: { Image|endswith: '\\powershell.exe', CommandLine|contains|windash: ' -enc ' }
  condition: selection
level: high
tags: [attack.execution, attack.t1059.001]
---
title: Office starts a shell
id: 00000000-0000-4000-8000-000000000002
logsource: { category: process_creation, product: windows }
detection:
  selection: { ParentImage|endswith: '\\winword.exe' }
  condition: selection
level: critical
---
title: Account listing outside of management
id: 00000000-0000-4000-8000-000000000003
logsource: { category: process_creation, product: windows }
detection:
  selection: { CommandLine|contains: 'whoami' }
  filter: { ParentImage|endswith: '\\agent.exe' }
  condition: selection and not filter
level: medium
tags: [attack.discovery]
---
title: Run key
id: 00000000-0000-4000-8000-000000000004
logsource: { category: registry_set, product: windows }
detection:
  selection: { TargetObject|contains: '\\CurrentVersion\\Run\\' }
  condition: selection
level: medium
tags: [attack.persistence]
---
title: Script says hello
id: 00000000-0000-4000-8000-000000000005
logsource: { category: ps_script, product: windows }
detection:
  selection: { ScriptBlockText|re: 'hel+o' }
  condition: selection
level: low
---
title: Broken
logsource: {}
detection: { condition: selection }
`;

let folder = '';
let classifier: RulesClassifier;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rules-'));
  await writeFile(join(folder, 'rules.yml'), rules);
  classifier = await RulesClassifier.of(await readManifest(), await loadRules([folder]));
});
afterAll(async () => {
  await classifier.close();
  await rm(folder, { recursive: true });
});

function inputOf(report: Pick<ReportInput, 'artifact'> & Partial<ReportInput>): ClassifierInput {
  const accepted = acceptedReport(report, { acceptedMs: 0 });
  return { report: accepted.report, evidence: accepted.evidence };
}

async function judge(input: ClassifierInput): Promise<ClassifierOutcome> {
  const [outcome] = await classifier.score([input]);
  if (outcome === undefined) throw new Error('no outcome');
  return outcome;
}

const commandLine = (text: string, more: Partial<ReportInput> = {}): ClassifierInput =>
  inputOf({ artifact: { kind: 'command-line', text }, ...more });

describe('content and testimony', () => {
  test('a rule that fires on the text alone is content evidence', async () => {
    expect(await judge(commandLine('powershell /enc AAAA'))).toEqual({
      outcome: 'score',
      probability: 0.985,
      contentProbability: 0.985,
      evidence: [
        {
          code: '00000000-0000-4000-8000-000000000001',
          title: 'Encoded command',
          content: true,
          level: 'high',
          tactic: 'execution',
          techniques: ['T1059.001'],
        },
      ],
    });
  });

  test('a rule that needs the parent is testimony, and the text alone says nothing', async () => {
    const office = { process: { parent: { executable: 'C:\\winword.exe' } } };
    expect(await judge(commandLine('cmd /c x', office))).toMatchObject({
      probability: 0.997,
      contentProbability: 0.5,
      evidence: [{ title: 'Office starts a shell', content: false }],
    });
  });

  test('what an ancestor did is no fault of a harmless program, what it starts itself is', async () => {
    const encoded = { executable: 'C:\\powershell.exe', command_line: 'powershell -enc AAAA' };
    const started = (process: object) => ({
      event: { category: ['process'], type: ['start'] },
      process: { ...encoded, entity_id: 'hostile', ...process },
    });
    const harmless = (process: object, events: readonly object[]) =>
      judge(commandLine('conhost 0x4', { process, events } as Partial<ReportInput>));
    const below = { entity_id: 'own', parent: { entity_id: 'hostile' } };
    expect(await harmless(below, [started({})])).toMatchObject({ probability: 0.5, evidence: [] });
    const child = started({ parent: { entity_id: 'own' } });
    expect(await harmless({ entity_id: 'own' }, [child])).toMatchObject({ probability: 0.985 });
  });

  test('an exception for a parent keeps a rule from being content evidence', async () => {
    expect(await judge(commandLine('whoami /all'))).toMatchObject({
      probability: 0.7,
      contentProbability: 0.5,
    });
    const managed = { process: { parent: { executable: 'C:\\agent.exe' } } };
    expect(await judge(commandLine('whoami /all', managed))).toMatchObject({
      probability: 0.5,
      evidence: [],
    });
  });

  test('the same text is testimony where nobody vouches for it', async () => {
    const input: ClassifierInput = { ...commandLine('powershell -enc AAAA'), evidence: 'testimony' };
    expect(await judge(input)).toMatchObject({
      probability: 0.985,
      contentProbability: null,
      evidence: [{ content: false }],
    });
  });

  test('a script is read as its text, a file has no content here', async () => {
    const script = inputOf({ artifact: { kind: 'script', text: 'say helllo' } });
    expect(await judge(script)).toMatchObject({ probability: 0.55, contentProbability: 0.55 });
    const file: ReportInput['artifact'] = { kind: 'file', hash: { sha256: 'a'.repeat(64) } };
    const run = inputOf({ artifact: file, process: { command_line: 'powershell -c "say hello"' } });
    expect(await judge(run)).toMatchObject({ probability: 0.55, contentProbability: null });
  });
});

describe('an outcome', () => {
  test('is the base rate where no rule fires, and an abstention where there is nothing to read', async () => {
    expect(await judge(commandLine('notepad'))).toEqual({
      outcome: 'score',
      probability: classifier.profile.baseRate,
      contentProbability: classifier.profile.baseRate,
      evidence: [],
    });
    const bare = inputOf({ artifact: { kind: 'file', hash: { sha256: 'a'.repeat(64) } } });
    expect(await judge(bare)).toMatchObject({ outcome: 'abstained' });
  });

  test('names the strongest rules first, and rises for medium rules of two tactics', async () => {
    const events = [{ registry: { key: 'HKCU\\Software\\CurrentVersion\\Run', value: 'x' } }];
    expect(await judge(commandLine('whoami', { events }))).toMatchObject({ probability: 0.8 });
    const outcome = await judge(commandLine('powershell -enc whoami', { events }));
    expect(outcome).toMatchObject({
      evidence: [{ level: 'high' }, { level: 'medium' }, { level: 'medium' }],
    });
  });

  test('stands for each input, in order', async () => {
    const outcomes = await classifier.score([
      commandLine('notepad'),
      commandLine('powershell -enc A'),
      commandLine('x'),
    ]);
    expect(outcomes).toMatchObject([{ probability: 0.5 }, { probability: 0.985 }, { probability: 0.5 }]);
    expect(await classifier.score([])).toEqual([]);
  });
});

describe('the cache key', () => {
  test('is the same for what rules read the same, whoever reports it and when', () => {
    const key = classifier.cacheKey(commandLine('whoami'));
    expect(classifier.cacheKey(commandLine('whoami', { detectionSource: 'antivirus' }))).toBe(key);
    expect(key.length).toBeLessThan(64);
  });

  test('differs with the text, what surrounds it, and who vouches', () => {
    const keys = [
      commandLine('whoami'),
      commandLine('whoami /all'),
      commandLine('whoami', { process: { parent: { executable: 'a' } } }),
      { ...commandLine('whoami'), evidence: 'testimony' as const },
    ].map((input) => classifier.cacheKey(input));
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('the classifier', () => {
  test('tells what it loaded and what it could not use', () => {
    expect(classifier.loaded.rules).toHaveLength(5);
    expect(classifier.loaded.rejected).toEqual([
      {
        file: join(folder, 'rules.yml'),
        line: 48,
        reason: 'the condition names "selection", which the detection lacks',
      },
    ]);
  });

  test('has a profile whose version names the rules that it read', async () => {
    expect(classifierProfileSchema.parse(classifier.profile)).toEqual(classifier.profile);
    const other = await RulesClassifier.of(await readManifest(), await loadRules([]));
    expect(other.profile.version).not.toBe(classifier.profile.version);
  });

  test('reads its own rules and those of the operator', async () => {
    const own = await createRulesClassifier();
    const both = await createRulesClassifier({ ruleFolders: [folder] });
    expect(own.loaded.rejected).toEqual([]);
    expect(own.loaded.rules.length).toBeGreaterThan(0);
    expect(both.loaded.rules.length).toBe(own.loaded.rules.length + 5);
    expect(both.loaded.rejected).toHaveLength(1);
  });
});

describe('several events of one report', () => {
  const together = `
title: Listing
name: listing
logsource: { category: process_creation, product: windows }
detection: { s: { CommandLine|contains: 'whoami' }, condition: s }
---
title: Copy of a hive
name: hive
logsource: { category: process_creation, product: windows }
detection: { s: { CommandLine|contains: 'reg save' }, condition: s }
---
title: Listing, then a copy of a hive by one parent
id: 00000000-0000-4000-8000-00000000000c
level: critical
tags: [attack.credential-access]
correlation:
  type: temporal_ordered
  rules: [listing, hive]
  group-by: [ComputerName, ParentProcessGuid]
  timespan: 1m
`;
  const entry = (second: number, commandLine: string, parent = 'p') => ({
    '@timestamp': `2026-01-01T00:00:${String(second).padStart(2, '0')}.000Z`,
    process: { executable: 'C:\\cmd.exe', command_line: commandLine, parent: { entity_id: parent } },
  });
  const judgeEvents = async (...events: ReturnType<typeof entry>[]): Promise<ClassifierOutcome> => {
    await writeFile(join(folder, 'together', 'rules.yml'), together);
    const own = await RulesClassifier.of(await readManifest(), await loadRules([join(folder, 'together')]));
    const [outcome] = await own.score([
      inputOf({ artifact: { kind: 'file', hash: { sha256: 'a'.repeat(64) } }, events }),
    ]);
    if (outcome === undefined) throw new Error('no outcome');
    return outcome;
  };
  beforeAll(async () => {
    await mkdir(join(folder, 'together'));
  });

  test('fulfil a correlation, which is testimony; its parts say nothing by themselves', async () => {
    expect(await judgeEvents(entry(0, 'whoami'), entry(9, 'reg save x'))).toMatchObject({
      probability: 0.997,
      contentProbability: null,
      evidence: [
        {
          ...{ code: '00000000-0000-4000-8000-00000000000c', level: 'critical' },
          ...{ content: false, tactic: 'credential-access' },
        },
      ],
    });
    expect(await judgeEvents(entry(0, 'whoami'))).toMatchObject({ probability: 0.5, evidence: [] });
  });

  test('do not in another order, of other parents, or too late', async () => {
    for (const events of [
      [entry(9, 'whoami'), entry(0, 'reg save x')],
      [entry(0, 'whoami'), entry(9, 'reg save x', 'q')],
    ])
      expect(await judgeEvents(...events)).toMatchObject({ probability: 0.5, evidence: [] });
  });
});

describe('rules on trial', () => {
  const trial = (level: string): string => `
title: Tried
id: 00000000-0000-4000-8000-0000000000aa
logsource: { category: process_creation, product: windows }
detection: { s: { CommandLine|contains: 'whoami' }, condition: s }
level: ${level}
tags: [attack.execution]
`;
  let trialFolder = '';
  beforeAll(async () => {
    trialFolder = await mkdtemp(join(tmpdir(), 'trial-'));
  });
  afterAll(async () => rm(trialFolder, { recursive: true }));

  test('are told as simulated and change no probability', async () => {
    await writeFile(join(trialFolder, 'rules.yml'), trial('critical'));
    const loaded = await loadRules([folder], { simulated: [trialFolder] });
    const [outcome] = await (
      await RulesClassifier.of(await readManifest(), loaded)
    ).score([commandLine('whoami')]);
    expect(outcome).toMatchObject({
      probability: 0.7,
      contentProbability: 0.5,
      evidence: [
        { title: 'Account listing outside of management' },
        { title: 'Tried', level: 'critical', simulated: true },
      ],
    });
    expect(scoreSchema.shape.result.parse(outcome)).toEqual(outcome);
  });

  test('are in force, with another version, once their file is moved, while the service runs', async () => {
    const inForce = await mkdtemp(join(tmpdir(), 'force-'));
    await writeFile(join(trialFolder, 'rules.yml'), trial('high'));
    const own = await createRulesClassifier({
      ruleFolders: [inForce],
      simulatedRuleFolders: [trialFolder],
    });
    const input = commandLine('whoami /x');
    const before = { key: own.cacheKey(input), version: own.profile.version };
    expect(await own.score([input])).toMatchObject([{ probability: 0.5, evidence: [{ simulated: true }] }]);
    expect(await own.reload()).toBe(false);
    await rename(join(trialFolder, 'rules.yml'), join(inForce, 'rules.yml'));
    expect(await own.reload()).toBe(true);
    const [outcome] = await own.score([input]);
    expect(outcome).toMatchObject({ probability: 0.985, contentProbability: 0.985 });
    expect(own.cacheKey(input)).not.toBe(before.key);
    expect(own.profile.version).not.toBe(before.version);
    await rm(inForce, { recursive: true });
    await expect(own.reload()).rejects.toThrow(/cannot be read/);
    expect(await own.score([input])).toMatchObject([{ probability: 0.985 }]);
  });
});

test('every report that the contract allows gets an outcome that the contract allows', async () => {
  const outcome = scoreSchema.shape.result;
  let judged = 0;
  await fc.assert(
    fc.asyncProperty(hostileReports, fc.constantFrom('content', 'testimony'), async (parsed, evidence) => {
      if (!parsed.success) return;
      judged += 1;
      const input = { report: parsed.data, evidence };
      const [first, again] = await classifier.score([
        input,
        { ...input, report: structuredClone(parsed.data) },
      ]);
      expect(outcome.parse(first)).toEqual(first);
      expect(again).toEqual(first);
      if (first?.outcome !== 'score') return;
      expect(first.probability).toBeGreaterThanOrEqual(first.contentProbability ?? 0);
      if (evidence === 'testimony') expect(first.contentProbability).toBeNull();
    }),
    { numRuns: 500 },
  );
  expect(judged).toBeGreaterThan(250);
});
