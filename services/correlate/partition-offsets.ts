import { LowWater } from '../../engine/correlate/low-water.ts';

/** Where a piece of work lies in its partition of each topic. */
export interface WorkOffsets {
  /** Usually one; more where a report was appended twice, none for a late score or a finding. */
  readonly reports: readonly number[];
  readonly scores: readonly number[];
  readonly evidence: readonly number[];
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
  #settled: WorkOffsets[] = [];

  constructor(start: { readonly reports: number; readonly scores: number; readonly evidence: number }) {
    this.reports = new LowWater(start.reports);
    this.scores = new LowWater(start.scores);
    this.evidence = new LowWater(start.evidence);
  }

  settle(work: WorkOffsets): void {
    for (const offset of work.reports) this.reports.settle(offset);
    for (const offset of work.evidence) this.evidence.settle(offset);
    if (work.reports.length > 0) this.#settled.push(work);
    else for (const offset of work.scores) this.scores.settle(offset);
  }

  /** @returns the offsets to commit */
  marks(): { readonly reports: number; readonly scores: number; readonly evidence: number } {
    const reports = this.reports.mark();
    const behind: WorkOffsets[] = [];
    for (const work of this.#settled) {
      if (work.reports.some((offset) => offset >= reports)) behind.push(work);
      else for (const offset of work.scores) this.scores.settle(offset);
    }
    this.#settled = behind;
    return { reports, scores: this.scores.mark(), evidence: this.evidence.mark() };
  }
}
