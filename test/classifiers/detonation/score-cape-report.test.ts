import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { capeReportSchema } from '../../../classifiers/detonation/report-schema.ts';
import { scoreCapeReport } from '../../../classifiers/detonation/score-cape-report.ts';
import { classifierProfileSchema } from '../../../contracts/classifier-profile.ts';
import { scoreSchema } from '../../../contracts/score.ts';
import { capeReport, installer, ransomware, recognized, signature } from './cape-reports.ts';

const manifest = classifierProfileSchema.parse(
  JSON.parse(readFileSync('classifiers/detonation/manifest.json', 'utf8')),
);

const outcomeOf = (report: unknown) => scoreCapeReport(capeReportSchema.parse(report));

function scored(report: unknown) {
  const outcome = outcomeOf(report);
  if (outcome.outcome !== 'score') throw new Error(`${outcome.outcome}: ${outcome.reason}`);
  expect(scoreSchema.shape.result.safeParse(outcome).error).toBeUndefined();
  return outcome;
}

test('what installers do as well does not come near a block', () => {
  expect(scored(installer).probability).toBeLessThan(0.9);
});

test('installers that look like injection are not blocked either', () => {
  const signatures = [
    ...(installer as { signatures: object[] }).signatures,
    signature('injection_write_process'),
    signature('injection_rwx'),
    signature('resumethread_remote_process'),
  ];
  expect(scored(capeReport({ signatures })).probability).toBeLessThan(manifest.threshold);
});

test('severe acts of several families block, with the techniques that the report names', () => {
  const { probability, evidence } = scored(ransomware);
  expect(probability).toBeGreaterThan(manifest.threshold);
  expect(evidence[0]).toMatchObject({
    code: 'cape:ransomware_file_modifications',
    level: 'high',
    tactic: 'impact',
    techniques: ['T1486', 'T1485'],
    content: false,
  });
  expect(evidence.find(({ code }) => code === 'cape:persistence_autorun')).toMatchObject({
    tactic: 'persistence',
    techniques: ['T1547'],
  });
});

test('one severe act alone does not block', () => {
  const alone = scored(capeReport({ signatures: [signature('ransomware_file_modifications', 3)] }));
  expect(alone.probability).toBeLessThan(manifest.threshold);
});

test('a recognized family decides, whether the report lists it or names it', () => {
  expect(scored(recognized).probability).toBeGreaterThan(manifest.threshold);
  expect(scored(recognized).evidence.map(({ code }) => code)).toContain('cape:configuration');
  expect(scored(capeReport({ detections: 'ExampleBot' })).evidence[0]?.title).toContain('ExampleBot');
});

test('a payload that is only packed is nothing', () => {
  const packed = capeReport({ payloads: [{ name: 'x', cape_type: 'UPX', cape_yara: [{ name: 'UPX' }] }] });
  expect(scored(packed)).toMatchObject({ probability: 0.5, evidence: [] });
});

test('both forms of techniques are read', () => {
  const signatures = [signature('injection_runpe')];
  const pairs = capeReport({ signatures, ttps: [{ ttp: 'T1055.012', signature: 'injection_runpe' }] });
  const lists = capeReport({
    signatures,
    ttps: [{ ttps: ['T1055.012', 'nonsense'], signature: 'injection_runpe' }],
  });
  expect(scored(pairs)).toEqual(scored(lists));
  expect(scored(pairs).evidence[0]?.techniques).toEqual(['T1055.012']);
});

test('more of what was seen never lowers the probability', () => {
  const names = [
    'ransomware_file_modifications',
    'antivm_x',
    'deletes_self',
    'injection_runpe',
    'unheard_of',
  ];
  fc.assert(
    fc.property(fc.subarray(names), fc.constantFrom(...names), (some, more) => {
      const of = (list: readonly string[]) =>
        scored(capeReport({ signatures: list.map((name) => signature(name)) })).probability;
      expect(of([...some, more])).toBeGreaterThanOrEqual(of(some));
    }),
    { numRuns: 60 },
  );
});

test('a report is the word of who hands it in: nothing of it is content', () => {
  for (const report of [installer, ransomware, recognized]) {
    expect(scored(report).contentProbability).toBeNull();
    expect(scored(report).evidence.filter(({ content }) => content)).toEqual([]);
  }
});

test('a report in which nothing ran is no answer', () => {
  expect(outcomeOf(capeReport({ calls: [] }))).toMatchObject({ outcome: 'abstained' });
});

test('parts of another form are left out, and large ones are bounded', () => {
  const many = Array.from({ length: 5000 }, (_, index) => signature(`new_${index}`));
  const odd = {
    ...capeReport({ signatures: [{ name: 9 }, [], ...many] }),
    ttps: { T1055: ['x'] },
    malscore: 'x',
    CAPE: [],
  };
  expect(scored(odd).evidence).toHaveLength(64);
});

test('whatever stands in the used parts, an outcome comes back', () => {
  fc.assert(
    fc.property(fc.anything(), fc.anything(), fc.anything(), (signatures, detections, CAPE) => {
      const outcome = outcomeOf({
        info: {},
        signatures,
        detections,
        ttps: signatures,
        CAPE,
        behavior: CAPE,
      });
      expect(scoreSchema.shape.result.safeParse(outcome).error).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});
