import { LowWater } from '../../engine/correlate/low-water.ts';

interface Unit {
  readonly lastReportOffset: number;
  readonly scoreOffsets: readonly number[];
}

/**
 * What one owner may commit of the reports, the scores and the evidence of its partition. Reports and their scores are
 * committed together: a replay that reads a report reads its scores again too.
 */
export class PartitionOffsets {
  readonly reports: LowWater;
  readonly scores: LowWater;
  readonly evidence: LowWater;
  /** Settled reports behind one that is not, with their scores; in no particular order. */
  #settled: Unit[] = [];

  constructor(start: { readonly reports: number; readonly scores: number; readonly evidence: number }) {
    this.reports = new LowWater(start.reports);
    this.scores = new LowWater(start.scores);
    this.evidence = new LowWater(start.evidence);
  }

  /** @param reportOffsets of the report and of its repeats, at least one */
  settleReport(reportOffsets: readonly number[], scoreOffsets: readonly number[]): void {
    for (const offset of reportOffsets) this.reports.settle(offset);
    this.#settled.push({ lastReportOffset: Math.max(...reportOffsets), scoreOffsets });
  }

  settleScore(offset: number): void {
    this.scores.settle(offset);
  }

  settleFinding(offset: number): void {
    this.evidence.settle(offset);
  }

  /** @returns the offsets to commit */
  marks(): { readonly reports: number; readonly scores: number; readonly evidence: number } {
    const reports = this.reports.mark();
    const behind: Unit[] = [];
    for (const unit of this.#settled) {
      if (unit.lastReportOffset >= reports) behind.push(unit);
      else for (const offset of unit.scoreOffsets) this.scores.settle(offset);
    }
    this.#settled = behind;
    return { reports, scores: this.scores.mark(), evidence: this.evidence.mark() };
  }
}
