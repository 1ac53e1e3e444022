import { describe, expect, test } from '@jest/globals';
import { readManifest } from '../../../classifiers/rules/manifest.ts';
import { probabilityOf } from '../../../classifiers/rules/probability.ts';
import { tacticOf, techniquesOf, toEvidence } from '../../../classifiers/rules/rule-evidence.ts';
import type { RuleLevel } from '../../../classifiers/rules/sigma/rule.ts';
import { rule } from './sigma/fires.ts';

const fired = (level: RuleLevel, ...tags: string[]) =>
  rule({ a: { A: 1 }, condition: 'a' }, {}, { level, tags, title: `${level} ${tags.join()}`.slice(0, 256) });

describe('evidence of a rule', () => {
  test('carries id, title, level, tactic, techniques and whether content was enough', () => {
    expect(
      toEvidence(fired('high', 'attack.t1003.001', 'attack.credential_access', 'attack.g0001'), true),
    ).toEqual({
      code: 'high attack.t1003.001,attack.credential_access,attack.g0001',
      title: 'high attack.t1003.001,attack.credential_access,attack.g0001',
      content: true,
      level: 'high',
      tactic: 'credential-access',
      techniques: ['T1003.001'],
    });
  });

  test('is short whatever the rule holds', () => {
    const tags = Array.from({ length: 40 }, (_, index) => `attack.t1${String(index).padStart(3, '0')}`);
    const evidence = toEvidence(fired('low', ...tags.slice(0, 20)), false);
    expect(evidence.code.length).toBeLessThanOrEqual(64);
    expect(evidence.techniques).toHaveLength(16);
  });

  test('tags that name no tactic or technique are passed over; newer names of tactics count', () => {
    expect(tacticOf({ tags: ['cve.2021-1', 'attack.t1059'] })).toBeUndefined();
    expect(tacticOf({ tags: ['attack.stealth'] })).toBe('defense-evasion');
    expect(techniquesOf({ tags: ['attack.t1059', 'attack.T1003.001', 'attack.s0002', 't1000'] })).toEqual([
      'T1059',
      'T1003.001',
    ]);
  });
});

describe('the probability of what fired', () => {
  test('is that of the strongest level; without a rule it is the base rate, which weighs nothing', async () => {
    const { probabilities, baseRate } = await readManifest();
    expect(probabilityOf([], probabilities)).toBe(baseRate);
    expect(probabilityOf([fired('informational')], probabilities)).toBe(baseRate);
    expect(probabilityOf([fired('low'), fired('high'), fired('medium')], probabilities)).toBe(
      probabilities.high,
    );
    expect(probabilityOf([fired('high'), fired('critical')], probabilities)).toBe(probabilities.critical);
  });

  test('rises for medium rules of different tactics only', async () => {
    const { probabilities } = await readManifest();
    const of = (...rules: ReturnType<typeof fired>[]): number => probabilityOf(rules, probabilities);
    const [a, b] = [fired('medium', 'attack.execution'), fired('medium', 'attack.persistence')];
    expect(of(a, b)).toBe(probabilities.corroborated);
    expect(of(a, a)).toBe(probabilities.medium);
    expect(of(a, fired('medium'))).toBe(probabilities.medium);
    expect(of(a, fired('low', 'attack.persistence'))).toBe(probabilities.medium);
  });

  test('only high and critical rules reach the threshold alone', async () => {
    const { probabilities, threshold } = await readManifest();
    const blocking = Object.entries(probabilities).filter(([, probability]) => probability >= threshold);
    expect(blocking.map(([name]) => name)).toEqual(['high', 'critical']);
  });
});
