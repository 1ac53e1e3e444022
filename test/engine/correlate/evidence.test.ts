import { expect, test } from '@jest/globals';
import type { Score } from '../../../contracts/score.ts';
import { evidenceFromScores } from '../../../engine/correlate/evidence.ts';
import { foldReport } from '../../../engine/correlate/fold.ts';
import { acceptedReport, scoreOf } from '../../support/reports.ts';

const report = acceptedReport({ artifact: { kind: 'script', text: 'Write-Host 1' } });
const heard = scoreOf(report, 'rules', 0.9, 0.9);
const silent = (outcome: 'failed' | 'abstained'): Score => ({
  ...scoreOf(report, 'behavior', 0),
  result: { outcome, reason: 'FB_MODEL_ALTERED' },
});

test.each(['failed', 'abstained'] as const)(
  'a classifier that %s is no evidence: the same is known as without it',
  (outcome) => {
    expect(evidenceFromScores([heard, silent(outcome)])).toEqual(evidenceFromScores([heard]));
    expect(foldReport(report, [heard, silent(outcome)])).toEqual(foldReport(report, [heard]));
  },
);

test('a score of 0 is evidence, and another one than silence', () => {
  expect(evidenceFromScores([heard, scoreOf(report, 'behavior', 0)])).not.toEqual(
    evidenceFromScores([heard]),
  );
});
