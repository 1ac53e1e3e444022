import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Score } from '../../contracts/score.ts';
import type { AcceptedReport } from '../../contracts/records.ts';

/** Why a join ended. */
export type JoinEnd = 'complete' | 'settled' | 'deadline';

/**
 * A report that waits for its classifiers.
 *
 *   waiting ──every expected answer is in──▶ complete
 *      ├────the missing answers cannot change the outcome (`isSettled`)──▶ settled
 *      └────deadline passed, and the scores were read to the end that they had then──▶ deadline
 */
export interface Join {
  readonly report: AcceptedReport;
  readonly expected: readonly string[];
  readonly scores: ReadonlyMap<string, Score>;
  readonly deadlineMs: number;
  /** End of the scores partition at a moment after the deadline, null before it was asked for. */
  readonly scoresEnd: number | null;
}

/** @returns ids of the fast classifiers that accept the kind of the reported artifact; nobody is waited for where a report is history only */
export function expectedClassifiers(
  report: AcceptedReport,
  profiles: readonly ClassifierProfile[],
): readonly string[] {
  if (report.historyOnly) return [];
  return profiles
    .filter(({ tier, accepts }) => tier === 'fast' && accepts.includes(report.artifactKind))
    .map(({ id }) => id);
}

export function openJoin(
  report: AcceptedReport,
  profiles: readonly ClassifierProfile[],
  deadlineMs: number,
): Join {
  return {
    report,
    expected: expectedClassifiers(report, profiles),
    scores: new Map(),
    deadlineMs,
    scoresEnd: null,
  };
}

/** @returns the join with the scores; of two answers of one classifier the first counts, a repeat changes nothing */
export function addScores(join: Join, scores: readonly Score[]): Join {
  const news = scores.filter(({ classifier }) => !join.scores.has(classifier));
  if (news.length === 0) return join;
  const all = new Map(join.scores);
  for (const score of news) if (!all.has(score.classifier)) all.set(score.classifier, score);
  return { ...join, scores: all };
}

/** @returns expected classifiers without an answer, in the order of the registry */
export function missingClassifiers(join: Join): readonly string[] {
  return join.expected.filter((id) => !join.scores.has(id));
}

/**
 * @returns whether one answer is, alone, enough for a block: where waiting for the others costs most, and where it is
 *   worth asking whether they matter
 */
export function hasDecisiveScore(join: Join): boolean {
  for (const { result, threshold } of join.scores.values())
    if (result.outcome === 'score' && result.capped !== true && result.probability >= threshold) return true;
  return false;
}

/**
 * Whether it ends by itself. (`settled` depends on what else is known of the artifact: the correlator asks for that.)
 *
 * @param nowMs epoch milliseconds
 * @param scoresRead offset up to which the scores partition has been read
 * @returns why the join is over, or null while it waits
 */
export function joinEnd(join: Join, nowMs: number, scoresRead: number): Exclude<JoinEnd, 'settled'> | null {
  if (join.expected.every((id) => join.scores.has(id))) return 'complete';
  const { deadlineMs, scoresEnd } = join;
  return nowMs >= deadlineMs && scoresEnd !== null && scoresRead >= scoresEnd ? 'deadline' : null;
}
