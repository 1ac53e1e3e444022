import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { z } from 'zod';
import { createRulesClassifier, type RulesClassifier } from '../../../classifiers/rules/classifier.ts';
import { loadRules, type LoadedRules } from '../../../classifiers/rules/load-rules.ts';
import { tacticOf, techniquesOf } from '../../../classifiers/rules/rule-evidence.ts';
import { ruleLevels } from '../../../classifiers/rules/sigma/rule.ts';
import { identifyArtifact } from '../../../contracts/canonical.ts';
import { reportSchema, type Report } from '../../../contracts/report.ts';
import { tactics } from '../../../contracts/score.ts';

const here = (path: string): string =>
  fileURLToPath(new URL(`../../../classifiers/rules/${path}`, import.meta.url));

const goldenSchema = z.strictObject({
  name: z.string().min(1),
  report: reportSchema,
  /** Ids of the rules that fire, sorted. */
  expect: z.array(z.uuid()),
  highest: z.enum(ruleLevels).nullable(),
});

const headSchema = z.looseObject({
  id: z.uuid(),
  title: z.string(),
  description: z.string().min(20),
  author: z.literal('Firebreak project'),
  date: z.iso.date(),
  status: z.literal('experimental'),
  level: z.enum(ruleLevels),
  falsepositives: z.array(z.string()).min(1),
});

const golden = (await readFile(here('golden.jsonl'), 'utf8'))
  .trimEnd()
  .split('\n')
  .map((line) => goldenSchema.parse(JSON.parse(line)));

describe('the rules that come with the service', () => {
  let loaded: LoadedRules;
  beforeAll(async () => {
    loaded = await loadRules([here('rules')]);
  });

  test('every file holds one usable rule, and ids and titles are unique', () => {
    expect(loaded.rejected).toEqual([]);
    expect(loaded.rules.length).toBe(loaded.files);
    expect(loaded.rules.length).toBeGreaterThanOrEqual(72);
    expect(new Set(loaded.rules.map(({ id }) => id)).size).toBe(loaded.files);
    expect(new Set(loaded.rules.map(({ title }) => title)).size).toBe(loaded.files);
  });

  test('each of the twelve tactics has at least five rules, in the folder of its name', () => {
    for (const tactic of tactics) {
      const members = loaded.rules.filter((rule) => tacticOf(rule) === tactic);
      expect([tactic, members.length >= 5]).toEqual([tactic, true]);
      for (const { file } of members)
        expect(file).toMatch(new RegExp(`[\\\\/]${tactic}[\\\\/][a-z0-9-]+\\.yml$`));
    }
  });

  test('every rule says what it looks for, where it errs and which technique it is about', async () => {
    for (const rule of loaded.rules) {
      const head = headSchema.safeParse(parse(await readFile(rule.file, 'utf8')));
      expect([rule.file, head.error?.issues ?? []]).toEqual([rule.file, []]);
      expect([rule.file, techniquesOf(rule).length > 0]).toEqual([rule.file, true]);
    }
  });
});

describe('golden reports', () => {
  let classifier: RulesClassifier;
  beforeAll(async () => {
    classifier = await createRulesClassifier();
  });

  const scoreOf = async (report: Report) => {
    const [outcome] = await classifier.score([
      { report, evidence: identifyArtifact(report.artifact).evidence },
    ]);
    if (outcome?.outcome !== 'score') throw new Error('the report is scored');
    return outcome;
  };

  test.each(golden.map((entry) => [entry.name, entry] as const))(
    '%s',
    async (_, { report, expect: ids, highest }) => {
      const { evidence } = await scoreOf(report);
      expect(evidence.map(({ code }) => code).sort()).toEqual(ids);
      expect(evidence[0]?.level ?? null).toBe(highest);
    },
  );

  test('each rule fires on at least one of them', () => {
    const fired = new Set(golden.flatMap((entry) => entry.expect));
    const silent = classifier.loaded.rules.filter(({ id }) => !fired.has(id));
    expect(silent.map(({ file }) => file)).toEqual([]);
  });

  test('at least sixty benign ones stay below high', () => {
    const below = golden.filter(({ highest }) => highest !== 'high' && highest !== 'critical');
    const untouched = below.filter(({ highest }) => highest === null || highest === 'low');
    expect(untouched.length).toBeGreaterThanOrEqual(60);
  });

  test('a critical command line or script passes the threshold by its text alone', async () => {
    for (const { name, report, highest } of golden) {
      if (report.artifact.kind === 'file' || highest !== 'critical') continue;
      const { contentProbability } = await scoreOf(report);
      expect([name, (contentProbability ?? 0) >= 0.995]).toEqual([name, true]);
    }
  });
});
