import { describe, expect, test } from '@jest/globals';
import { uuidOf } from '../../../contracts/canonical.ts';
import { laterFact, type ArtifactSignals } from '../../../contracts/signals.ts';
import {
  detonationFindingSchema,
  findingSchema,
  type DetonationFinding,
} from '../../../contracts/records.ts';
import { evidenceFromScores, evidenceFromSignals } from '../../../engine/correlate/evidence.ts';
import { foldFinding } from '../../../engine/correlate/fold.ts';
import { defaultDecisionConfig } from '../../../engine/decide/config.ts';
import { decide } from '../../../engine/decide/decide.ts';
import { acceptedReport, scoreOf } from '../../support/reports.ts';
import { decideInput, tenantOf } from '../samples.ts';

const sha256 = 'd0'.repeat(32);

/** What the sandbox of an organization saw. */
function detonation(tenant: string, probability: number): DetonationFinding {
  const report = acceptedReport({ artifact: { kind: 'file', hash: { sha256 } } }, { tenant });
  const score = { ...scoreOf(report, 'detonation', probability), baseRate: 0.5, threshold: 0.98 };
  const { tenantId, deviceId, reportId, reportedAt, scoredAt } = score;
  return detonationFindingSchema.parse({
    id: uuidOf(`detonation ${tenant} ${probability}`),
    targetKey: report.artifactKey,
    relation: 'detonation',
    ...{ tenantId, deviceId, reportId, reportedAt, score },
    acceptedAt: scoredAt,
    foundAt: scoredAt,
  });
}

function signalsOf(findings: readonly DetonationFinding[]): ArtifactSignals {
  const facts = new Map<string, Parameters<typeof laterFact>[0]>();
  for (const finding of findings)
    for (const fact of foldFinding(finding).facts) {
      const before = facts.get(fact.field);
      facts.set(fact.field, before === undefined ? fact : laterFact(before, fact));
    }
  const key =
    findings[0]?.targetKey ?? acceptedReport({ artifact: { kind: 'file', hash: { sha256 } } }).artifactKey;
  return { key, firstSeenMs: 0, lastSeenMs: 0, devicesByTenant: new Map(), facts };
}

function judge(findings: readonly DetonationFinding[], tenant: string, trust: 'new' | 'established') {
  const evidence = evidenceFromSignals(signalsOf(findings), tenantOf(tenant));
  return decide(decideInput(evidence, { tenantId: tenantOf(tenant), trustOf: () => trust }));
}

describe('what the sandbox of an organization saw', () => {
  test('blocks there, names itself in the sum, and goes no further, however sure it is', () => {
    for (const trust of ['new', 'established'] as const) {
      const own = judge([detonation('alpha', 0.9999)], 'alpha', trust);
      expect(own).toMatchObject({ verdict: 'malicious', reach: 'tenant', reason: 'tenant-evidence' });
      expect(own.terms.map(({ name, content }) => [name, content])).toContainEqual([
        'score:detonation',
        false,
      ]);
      expect(own.contentSumMicronats).toBe(defaultDecisionConfig.priorMicronats);
    }
  });

  test('is nothing to another organization: the same as if nobody had said it', () => {
    const others = ['alpha', 'beta', 'gamma', 'delta'].map((name) => detonation(name, 0.9999));
    expect(judge(others, 'other', 'established')).toEqual(judge([], 'other', 'established'));
  });

  test('without cross-tenant signals it is testimony, too', () => {
    const { score } = detonation('alpha', 0.9999);
    expect(evidenceFromScores([score]).content).toEqual([]);
    expect(evidenceFromScores([score]).own).toMatchObject([{ classifier: 'detonation', content: false }]);
  });

  test('cannot be written down as content', () => {
    const finding = detonation('alpha', 0.9999);
    const result = { ...finding.score.result, contentProbability: 0.9999 };
    const forged = { ...finding, score: { ...finding.score, result } };
    expect(findingSchema.safeParse(finding).success).toBe(true);
    expect(findingSchema.safeParse(forged).success).toBe(false);
  });

  test('of a harmless run adds nothing to what is known', () => {
    const [without, harmless] = [
      judge([], 'alpha', 'new'),
      judge([detonation('alpha', 0.5)], 'alpha', 'new'),
    ];
    expect(harmless.sumMicronats).toBe(without.sumMicronats);
    expect(harmless.verdict).toBe('no-threats-found');
  });
});
