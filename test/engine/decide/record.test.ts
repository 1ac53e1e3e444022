import { describe, expect, test } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { readCombiner } from '../../../classifiers/combiner/read-combiner.ts';
import { decisionRecordSchema, type DecisionRecord, type Term } from '../../../contracts/decision.ts';
import { evidenceFromScores } from '../../../engine/correlate/evidence.ts';
import {
  decisionConfigSchema,
  defaultDecisionConfig,
  engineVersion,
  type DecisionConfig,
} from '../../../engine/decide/config.ts';
import { decide } from '../../../engine/decide/decide.ts';
import { plan } from '../../../engine/decide/plan.ts';
import { decisionRecord } from '../../../engine/decide/record.ts';
import { acceptedReport, scoreOf } from '../../support/reports.ts';
import { deviceOf } from '../samples.ts';

/** As an earlier version wrote them, by engine 1.0.0. */
const before = readFileSync('test/contracts/golden/0.1.0/decisions.v1.jsonl', 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => {
    const { value } = JSON.parse(line) as { readonly value: string };
    return decisionRecordSchema.parse(JSON.parse(value));
  });

/** A number that a record lacks was not there to be used. */
const configOf = ({ configuration, combiner }: DecisionRecord): DecisionConfig =>
  decisionConfigSchema.parse({
    ...defaultDecisionConfig,
    ...configuration,
    ...(combiner !== undefined && { combiner }),
  });

/** Decides again by what the record says, and by nothing else. */
function decidedAgain(record: DecisionRecord, config: DecisionConfig) {
  return decide({
    artifactKey: record.artifactKey,
    kind: record.artifactKind,
    tenantId: record.tenantId,
    evidence: evidenceFromScores(record.scores),
    trustOf: () => 'new',
    recentEcosystemBlocks: 0,
    degraded: record.degraded,
    config,
  });
}

const weights = (terms: readonly Term[]) =>
  terms.filter(({ name }) => name.startsWith('score:')).map(({ name, micronats }) => [name, micronats]);

describe('the record of a decision', () => {
  test('of before there was a combiner is read, and what the classifiers counted comes out again', () => {
    // Others also rest on what was said of earlier reports.
    const scored = before.filter(
      ({ trigger, terms }) => trigger.kind === 'report' && weights(terms).length > 1,
    );
    expect(scored.length).toBeGreaterThan(1);
    for (const record of scored) {
      expect(record.engineVersion).toBe('1.0.0');
      expect(record.combiner).toBeUndefined();
      expect(weights(decidedAgain(record, configOf(record)).terms)).toEqual(weights(record.terms));
    }
  });

  test('holds the combiner with its hash, and from it comes the same decision', async () => {
    const config = { ...defaultDecisionConfig, combiner: await readCombiner() };
    const report = acceptedReport({ artifact: { kind: 'command-line', text: 'whoami /all' } });
    const scores = [scoreOf(report, 'behavior', 0.94, 0.6), scoreOf(report, 'rules', 0.7, 0.7)];
    const { tenantId, artifactKey, artifactKind: kind } = report;
    const evidence = evidenceFromScores(scores);
    const trustOf = () => 'new' as const;
    const common = { artifactKey, tenantId, evidence, trustOf, config };
    const judgement = decide({ ...common, kind, recentEcosystemBlocks: 0, degraded: false });
    const nowMs = Date.parse(report.acceptedAt);
    const standing = { ecosystem: null, tenant: null, answered: false };
    const planned = plan({ ...common, judgement, standing, nowMs, deviceId: deviceOf('alpha-1') });
    if (planned.kind === 'nothing') throw new Error('Nothing was decided.');
    const { report: observed, ...about } = report;
    const written = decisionRecord({
      ...{ ...common, judgement, kind, scores, nowMs, entry: planned.entry },
      ...{ isAnswer: planned.kind === 'answer', end: 'complete', missing: [], signals: null, fileName: null },
      deviceId: deviceOf('alpha-1'),
      trigger: {
        kind: 'report',
        deviceId: about.deviceId,
        reportId: observed.id,
        reportedAt: observed['@timestamp'],
        acceptedAt: about.acceptedAt,
      },
    });
    const read = decisionRecordSchema.parse(JSON.parse(JSON.stringify(written)));
    expect(read.engineVersion).toBe(engineVersion);
    expect(read.combiner).toEqual(config.combiner);
    const again = decidedAgain(read, configOf(read));
    expect(again.terms).toEqual(read.terms);
    expect(again.sumMicronats).toBe(read.sumMicronats);
    // The combiner is what makes the difference: by hand the rule counted half.
    expect(decidedAgain(read, defaultDecisionConfig).sumMicronats).not.toBe(read.sumMicronats);
  });
});
