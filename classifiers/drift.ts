import { readFile } from 'node:fs/promises';
import { z } from 'zod';

/** How the values of one feature were spread over the data that a model was made from. */
const histogramSchema = z.strictObject({
  /** Ascending upper bounds of all bins but the last. */
  edges: z.array(z.number()).max(9),
  /** Of missing values, then of each bin; they sum to 1. */
  shares: z.array(z.number().min(0).max(1)).min(2).max(11),
});
export type Histogram = z.infer<typeof histogramSchema>;

/** `reference.json` beside a manifest, as `npm run drift-reference` writes it. */
export const driftReferenceSchema = z.strictObject({
  modelSha256: z.string().describe('Of another model it says nothing.'),
  rows: z.int().positive(),
  features: z.record(z.string(), histogramSchema),
});
export type DriftReference = z.infer<typeof driftReferenceSchema>;

/** The name under which the probability stands among the features. */
export const scoreFeature = 'score';

/** @returns null where there is none, or one of another model */
export async function readDriftReference(folder: URL, modelSha256: string): Promise<DriftReference | null> {
  const text = await readFile(new URL('reference.json', folder), 'utf8').catch(() => null);
  if (text === null) return null;
  const reference = driftReferenceSchema.parse(JSON.parse(text));
  return reference.modelSha256 === modelSha256 ? reference : null;
}

/** @param values finite; null is missing. @returns bins that each hold about a tenth of them, fewer where values repeat */
export function histogramOf(values: readonly (number | null)[]): Histogram {
  const known = values.filter((value) => value !== null).sort((a, b) => a - b);
  const cuts = Array.from({ length: 9 }, (_, index) => known[Math.floor(((index + 1) * known.length) / 10)]);
  // The last bin is for what is beyond everything seen, where many values are alike.
  const edges = [...new Set(cuts.filter((cut) => cut !== undefined))];
  const counts = new Array<number>(edges.length + 2).fill(0);
  for (const value of values) {
    const bin = binOf(edges, value);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return { edges, shares: counts.map((count) => Number((count / values.length).toFixed(6))) };
}

/** 0 is for what is missing. */
function binOf(edges: readonly number[], value: number | null): number {
  if (value === null) return 0;
  let bin = 1;
  while (bin <= edges.length && value > (edges[bin - 1] ?? 0)) bin += 1;
  return bin;
}

/** Where a bin is empty, a share of so much stands in for it: else one value would make the index infinite. */
const leastShare = 0.0005;

/**
 * Population stability index: the sum over bins of (live − reference) × ln(live / reference). By convention below 0.1 is
 * no drift and above 0.25 much. Source: Siddiqi, "Credit Risk Scorecards" (2006).
 */
export function stabilityIndex(reference: readonly number[], counts: readonly number[]): number {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return reference.reduce((sum, share, bin) => {
    const expected = Math.max(share, leastShare);
    const live = Math.max((counts[bin] ?? 0) / total, leastShare);
    return sum + (live - expected) * Math.log(live / expected);
  }, 0);
}

/** Fewer values say more of chance than of drift. */
const enoughValues = 1_000;

/**
 * Counts what a model is asked about, feature by feature, in two windows: the running one and the one before, so that an
 * index rests on one to two windows of traffic. Counting is an increment; the index is computed when somebody asks.
 */
export class DriftCounter {
  readonly #names: readonly string[];
  readonly #histograms: readonly Histogram[];
  readonly #windowMs: number;
  /** Where each stands among the values; −1 is the probability. */
  readonly #positions: readonly number[];
  #running: Uint32Array[];
  #before: Uint32Array[];
  #since = 0;
  #counted = { running: 0, before: 0 };

  /** @param windowMs how long a window runs */
  constructor({ features }: DriftReference, names: readonly string[], windowMs: number) {
    this.#names = [...names, scoreFeature].filter((name) => features[name] !== undefined);
    this.#histograms = this.#names.flatMap((name) => features[name] ?? []);
    this.#windowMs = windowMs;
    this.#running = this.#empty();
    this.#before = this.#empty();
    this.#positions = this.#names.map((name) => names.indexOf(name));
  }

  /** @param values of the features, in the order of their names; negative is missing */
  count(values: ArrayLike<number>, probability: number, nowMs: number): void {
    if (nowMs - this.#since >= this.#windowMs) this.#turn(nowMs);
    for (let at = 0; at < this.#positions.length; at += 1) {
      const position = this.#positions[at] ?? -1;
      const value = position < 0 ? probability : (values[position] ?? -1);
      const bins = this.#running[at];
      const bin = binOf(this.#histograms[at]?.edges ?? [], value < 0 ? null : value);
      if (bins !== undefined) bins[bin] = (bins[bin] ?? 0) + 1;
    }
    this.#counted.running += 1;
  }

  /** @returns the index of each feature and of the score; nothing while there are too few values */
  indices(nowMs: number): ReadonlyMap<string, number> {
    if (nowMs - this.#since >= this.#windowMs) this.#turn(nowMs);
    if (this.#counted.running + this.#counted.before < enoughValues) return new Map();
    return new Map(
      this.#names.map((name, at) => {
        const before = this.#before[at];
        const counts = Array.from(this.#running[at] ?? [], (count, bin) => count + (before?.[bin] ?? 0));
        return [name, stabilityIndex(this.#histograms[at]?.shares ?? [], counts)];
      }),
    );
  }

  #turn(nowMs: number): void {
    const isNext = nowMs - this.#since < 2 * this.#windowMs;
    this.#before = isNext ? this.#running : this.#empty();
    this.#counted = { running: 0, before: isNext ? this.#counted.running : 0 };
    this.#running = this.#empty();
    this.#since = nowMs;
  }

  #empty(): Uint32Array[] {
    return this.#histograms.map(({ shares }) => new Uint32Array(shares.length));
  }
}
