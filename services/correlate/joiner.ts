import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import { toEpochMs } from '../../contracts/ids.ts';
import { scoresOf, type ReportScores } from '../../contracts/score.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import {
  addScores,
  hasDecisiveScore,
  joinEnd,
  openJoin,
  type Join,
  type JoinEnd,
} from '../../engine/correlate/join.ts';
import type { WorkOffsets } from './partition-offsets.ts';
import type { Work } from './work.ts';

export interface JoinerOptions {
  readonly profiles: readonly ClassifierProfile[];
  readonly joinDeadlineMs: number;
  readonly heldScores: number;
  /** Offsets from which both partitions are read: what lies before them was read by an earlier owner. */
  readonly start: { readonly reports: number; readonly scores: number };
}

/**
 * A piece of work with the offsets that may be committed once it is settled. A report whose `end` is `settled` is only a
 * proposal and has none yet: it goes on waiting, unless `claim` is called.
 */
export interface JoinedWork {
  readonly work: Work;
  readonly offsets: WorkOffsets;
}

interface Waiting {
  join: Join;
  readonly reportOffsets: number[];
  readonly scoreOffsets: number[];
}

interface Held {
  readonly record: ReportScores;
  readonly offset: number;
  /** End of the reports partition after the record was read, null before it was asked for: once that is read, its report is not to come any more. */
  reportsEnd: number | null;
}

/**
 * The join of one partition's reports with their scores, in memory.
 *
 * A score meets its report in one of three ways: the report waits (joined); it was decided already (late); it is not
 * read yet (held, until the reports have been read to the end that they had, then late).
 *
 * Most reports meet all of their scores in time. For the others the ends of the partitions are asked for, which costs a
 * round trip: `asksForReportsEnd` and `asksForScoresEnd` say when.
 */
export class Joiner {
  readonly #options: JoinerOptions;
  /** Waiting reports in the order in which they were read. */
  readonly #waiting = new Map<string, Waiting>();
  readonly #held = new Map<string, Held[]>();
  #heldCount = 0;
  #unplacedCount = 0;
  #reportsRead: number;
  #scoresRead: number;

  constructor(options: JoinerOptions) {
    this.#options = options;
    this.#reportsRead = options.start.reports;
    this.#scoresRead = options.start.scores;
  }

  report(report: AcceptedReport, reportOffset: number): readonly JoinedWork[] {
    const key = reportKey(report.deviceId, report.report.id, report.report['@timestamp']);
    // The log holds a report twice after an ingest retry: one join, and who waits for either gets the answer.
    const twin = this.#waiting.get(key);
    if (twin !== undefined) {
      twin.reportOffsets.push(reportOffset);
      if (report.awaited) twin.join = { ...twin.join, report: { ...twin.join.report, awaited: true } };
      return [];
    }
    const deadlineMs = toEpochMs(report.acceptedAt) + this.#options.joinDeadlineMs;
    const waiting: Waiting = {
      join: openJoin(report, this.#options.profiles, deadlineMs),
      reportOffsets: [reportOffset],
      scoreOffsets: [],
    };
    for (const held of this.#takeHeld(key)) add(waiting, held.record, held.offset);
    this.#waiting.set(key, waiting);
    return this.#ended(key, waiting);
  }

  scores(record: ReportScores, offset: number): readonly JoinedWork[] {
    const key = reportKey(record.deviceId, record.reportId, record.reportedAt);
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) {
      if (this.#heldCount >= this.#options.heldScores) return [late(record, offset)];
      this.#hold(key, { record, offset, reportsEnd: null });
      return [];
    }
    add(waiting, record, offset);
    return this.#ended(key, waiting);
  }

  /** Ends a join that is settled. @returns null when it has ended, or heard more, since it was proposed */
  claim(join: Join): JoinedWork | null {
    const { deviceId, report } = join.report;
    const key = reportKey(deviceId, report.id, report['@timestamp']);
    const waiting = this.#waiting.get(key);
    if (waiting?.join !== join) return null;
    this.#waiting.delete(key);
    return finished(waiting, 'settled');
  }

  /** The reports have been read up to here: held scores that waited for less are late. */
  reportsRead(end: number): readonly JoinedWork[] {
    this.#reportsRead = Math.max(this.#reportsRead, end);
    return this.#heldTooLong();
  }

  /** Scores are held of which nobody knows yet how far the reports must be read before they are late. */
  get asksForReportsEnd(): boolean {
    return this.#unplacedCount > 0;
  }

  /** @param end of the reports partition, asked for after the scores were read that are held now */
  reportsEnd(end: number): readonly JoinedWork[] {
    for (const held of this.#held.values()) for (const each of held) each.reportsEnd ??= end;
    this.#unplacedCount = 0;
    return this.#heldTooLong();
  }

  scoresRead(end: number): void {
    this.#scoresRead = Math.max(this.#scoresRead, end);
  }

  /** A deadline has passed, and nobody knows yet how far the scores must be read before it decides. */
  asksForScoresEnd(nowMs: number): boolean {
    for (const { join } of this.#waiting.values()) {
      if (join.deadlineMs > nowMs) return false;
      if (join.scoresEnd === null) return true;
    }
    return false;
  }

  /** @param end of the scores partition, asked for at `nowMs` or later */
  scoresEnd(end: number, nowMs: number): void {
    for (const waiting of this.#waiting.values()) {
      if (waiting.join.deadlineMs > nowMs) return;
      if (waiting.join.scoresEnd === null) waiting.join = { ...waiting.join, scoresEnd: end };
    }
  }

  /** @returns the reports whose time is up, by the deadline rule */
  expire(nowMs: number): readonly JoinedWork[] {
    const works: JoinedWork[] = [];
    for (const [key, waiting] of this.#waiting) {
      if (waiting.join.deadlineMs > nowMs) break;
      if (joinEnd(waiting.join, nowMs, this.#scoresRead) !== 'deadline') continue;
      this.#waiting.delete(key);
      works.push(finished(waiting, 'deadline'));
    }
    return works;
  }

  get waitingCount(): number {
    return this.#waiting.size;
  }

  /** @returns the report that waits longest, null when none does */
  get oldestWaiting(): AcceptedReport | null {
    for (const { join } of this.#waiting.values()) return join.report;
    return null;
  }

  #ended(key: string, waiting: Waiting): readonly JoinedWork[] {
    const { join } = waiting;
    if (joinEnd(join, -Infinity, 0) === null)
      return hasDecisiveScore(join)
        ? [{ work: { kind: 'report', join, end: 'settled' }, offsets: none }]
        : [];
    this.#waiting.delete(key);
    return [finished(waiting, 'complete')];
  }

  #hold(key: string, held: Held): void {
    const list = this.#held.get(key);
    if (list === undefined) this.#held.set(key, [held]);
    else list.push(held);
    this.#heldCount += 1;
    this.#unplacedCount += 1;
  }

  #heldTooLong(): readonly JoinedWork[] {
    if (this.#heldCount === 0) return [];
    const works: JoinedWork[] = [];
    for (const [key, held] of this.#held) {
      if (held.some(({ reportsEnd }) => reportsEnd === null || reportsEnd > this.#reportsRead)) continue;
      for (const { record, offset } of this.#takeHeld(key)) works.push(late(record, offset));
    }
    return works;
  }

  #takeHeld(key: string): readonly Held[] {
    const held = this.#held.get(key) ?? [];
    this.#held.delete(key);
    this.#heldCount -= held.length;
    this.#unplacedCount -= held.filter(({ reportsEnd }) => reportsEnd === null).length;
    return held;
  }
}

function reportKey(deviceId: string, reportId: string, reportedAt: string): string {
  return `${deviceId}/${reportId}/${reportedAt}`;
}

const none: WorkOffsets = { reports: [], scores: [], evidence: [] };

function finished({ join, reportOffsets, scoreOffsets }: Waiting, end: JoinEnd): JoinedWork {
  const offsets = { reports: reportOffsets, scores: scoreOffsets, evidence: [] };
  return { work: { kind: 'report', join, end }, offsets };
}

function add(waiting: Waiting, record: ReportScores, offset: number): void {
  waiting.join = addScores(waiting.join, scoresOf(record));
  waiting.scoreOffsets.push(offset);
}

function late(record: ReportScores, offset: number): JoinedWork {
  return { work: { kind: 'score', record }, offsets: { reports: [], scores: [offset], evidence: [] } };
}
