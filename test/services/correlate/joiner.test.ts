import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ClassifierProfile } from '../../../contracts/classifier-profile.ts';
import { Joiner, type JoinedWork } from '../../../services/correlate/joiner.ts';
import { acceptedReport, scoreOf, together } from '../../support/reports.ts';

const profile = (id: string): ClassifierProfile => ({
  id,
  version: '1',
  featureSchemaVersion: 1,
  tier: 'fast',
  accepts: ['script'],
  baseRate: 0.5,
  threshold: 0.95,
});
const profiles = [profile('rules'), profile('behavior')];
const joiner = (heldScores = 100) =>
  new Joiner({ profiles, joinDeadlineMs: 500, heldScores, start: { reports: 0, scores: 0 } });
const script = (n: number, acceptedMs = 1_000_000) =>
  acceptedReport({ artifact: { kind: 'script', text: `Write-Host ${n}` } }, { acceptedMs });
const ends = (works: readonly JoinedWork[]) =>
  works.map(({ work }) => (work.kind === 'report' ? work.end : work.kind));

describe('Joiner', () => {
  test('a report is complete with the last expected score', () => {
    const join = joiner();
    const report = script(1);
    expect(join.report(report, 0)).toEqual([]);
    expect(join.scores(together(scoreOf(report, 'rules', 0.5)), 0)).toEqual([]);
    const works = join.scores(together(scoreOf(report, 'behavior', 0.5)), 1);
    expect(ends(works)).toEqual(['complete']);
    expect(works[0]).toMatchObject({ offsets: { reports: [0], scores: [0, 1] } });
  });

  test('an answer that is enough alone proposes an end, which holds when nothing happened since', () => {
    const join = joiner();
    const report = script(11);
    join.report(report, 0);
    join.reportsRead(1);
    const [proposed] = join.scores(together(scoreOf(report, 'rules', 0.99)), 0);
    if (proposed?.work.kind !== 'report') throw new Error('Nothing was proposed.');
    expect(proposed).toMatchObject({ work: { end: 'settled' }, offsets: { reports: [], scores: [] } });
    expect(join.waitingCount).toBe(1);
    expect(join.claim(proposed.work.join)).toMatchObject({
      work: { end: 'settled' },
      offsets: { reports: [0], scores: [0] },
    });
    expect(join.claim(proposed.work.join)).toBeNull();
    join.scores(together(scoreOf(report, 'behavior', 0.5)), 1);
    expect(ends(join.reportsEnd(1))).toEqual(['score']);
  });

  test('a proposal is void once the last answer is in', () => {
    const join = joiner();
    const report = script(12);
    join.report(report, 0);
    const [proposed] = join.scores(together(scoreOf(report, 'rules', 0.99)), 0);
    if (proposed?.work.kind !== 'report') throw new Error('Nothing was proposed.');
    expect(ends(join.scores(together(scoreOf(report, 'behavior', 0.5)), 1))).toEqual(['complete']);
    expect(join.claim(proposed.work.join)).toBeNull();
  });

  test('a score that comes before its report is held and joined', () => {
    const join = joiner();
    const report = script(2);
    expect(join.scores(together(scoreOf(report, 'rules', 0.5)), 0)).toEqual([]);
    expect(join.scores(together(scoreOf(report, 'behavior', 0.5)), 1)).toEqual([]);
    expect(ends(join.report(report, 4))).toEqual(['complete']);
  });

  test('a held score is late once the reports were read to the end that they had', () => {
    const join = joiner();
    expect(join.asksForReportsEnd).toBe(false);
    expect(join.scores(together(scoreOf(script(3), 'rules', 0.5)), 0)).toEqual([]);
    expect(ends(join.reportsRead(4))).toEqual([]);
    expect(join.asksForReportsEnd).toBe(true);
    expect(ends(join.reportsEnd(5))).toEqual([]);
    expect(join.asksForReportsEnd).toBe(false);
    expect(ends(join.reportsRead(5))).toEqual(['score']);
  });

  test('an end that was asked for earlier says nothing about a score that came later', () => {
    const join = joiner();
    join.scores(together(scoreOf(script(13), 'rules', 0.5)), 0);
    join.reportsEnd(5);
    const report = script(14);
    join.scores(together(scoreOf(report, 'rules', 0.5)), 1);
    expect(join.asksForReportsEnd).toBe(true);
    expect(ends(join.reportsRead(5))).toEqual(['score']);
    join.report(report, 5);
    expect(ends(join.scores(together(scoreOf(report, 'behavior', 0.5)), 2))).toEqual(['complete']);
    expect(join.asksForReportsEnd).toBe(false);
  });

  test('held scores are bounded: beyond it they are late at once', () => {
    const join = joiner(1);
    expect(join.scores(together(scoreOf(script(4), 'rules', 0.5)), 0)).toEqual([]);
    expect(ends(join.scores(together(scoreOf(script(5), 'rules', 0.5)), 1))).toEqual(['score']);
  });

  test('the deadline decides only when the scores were read to the end that they had', () => {
    const join = joiner();
    join.report(script(6), 0);
    expect(join.expire(1_000_499)).toEqual([]);
    expect(join.asksForScoresEnd(1_000_499)).toBe(false);
    join.scoresRead(9);
    expect(join.expire(1_000_600)).toEqual([]);
    expect(join.asksForScoresEnd(1_000_600)).toBe(true);
    join.scoresEnd(10, 1_000_600);
    expect(join.asksForScoresEnd(1_000_600)).toBe(false);
    expect(join.expire(1_000_600)).toEqual([]);
    join.scoresRead(10);
    expect(ends(join.expire(1_000_600))).toEqual(['deadline']);
    expect(join.waitingCount).toBe(0);
  });

  test('what an earlier owner has read counts as read', () => {
    const join = new Joiner({
      profiles,
      joinDeadlineMs: 500,
      heldScores: 1,
      start: { reports: 5, scores: 10 },
    });
    join.report(script(8), 5);
    join.scoresEnd(10, 1_000_600);
    expect(ends(join.expire(1_000_600))).toEqual(['deadline']);
    join.scores(together(scoreOf(script(9), 'rules', 0.5)), 10);
    expect(ends(join.reportsEnd(5))).toEqual(['score']);
  });

  test('a report that lies twice in the log is one join, settled with both offsets, and answers who waits for either', () => {
    const join = joiner();
    const report = script(7);
    join.report(report, 0);
    expect(join.report({ ...report, awaited: true }, 1)).toEqual([]);
    join.scores(together(scoreOf(report, 'rules', 0.5)), 0);
    const [work] = join.scores(together(scoreOf(report, 'behavior', 0.5)), 1);
    expect(work?.offsets.reports).toEqual([0, 1]);
    expect(work?.work).toMatchObject({ kind: 'report', join: { report: { awaited: true } } });
  });

  test('a report of a kind that nobody accepts is decided at once', () => {
    const report = acceptedReport({ artifact: { kind: 'ip', value: '192.0.2.1' } });
    expect(ends(joiner().report(report, 0))).toEqual(['complete']);
  });

  test('whatever the order, each report is decided exactly once and every offset is accounted for', () => {
    type Step = { readonly kind: 'report' | 'rules' | 'behavior'; readonly n: number };
    const steps: readonly Step[] = [0, 1, 2, 3].flatMap((n) =>
      (['report', 'rules', 'behavior'] as const).map((kind) => ({ kind, n })),
    );
    const reports = [0, 1, 2, 3].map((n) => script(100 + n));
    fc.assert(
      fc.property(fc.shuffledSubarray([...steps], { minLength: steps.length }), (order) => {
        const join = joiner();
        const works: JoinedWork[] = [];
        let [reportOffset, scoreOffset] = [0, 0];
        for (const { kind, n } of order) {
          const report = reports[n];
          if (report === undefined) continue;
          if (kind === 'report') {
            works.push(...join.report(report, reportOffset++));
            works.push(...join.reportsRead(reportOffset));
          } else works.push(...join.scores(together(scoreOf(report, kind, 0.5)), scoreOffset++));
          if (join.asksForReportsEnd) works.push(...join.reportsEnd(4));
        }
        join.scoresRead(8);
        join.scoresEnd(8, Number.MAX_SAFE_INTEGER);
        works.push(...join.expire(Number.MAX_SAFE_INTEGER));
        const decided = works.filter(({ work }) => work.kind === 'report');
        expect(decided.flatMap(({ offsets }) => offsets.reports).sort()).toEqual([0, 1, 2, 3]);
        expect(works.flatMap(({ offsets }) => offsets.scores).sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
        expect(ends(decided).every((end) => end === 'complete')).toBe(true);
      }),
    );
  });
});
