/** What is known of one row: how sure the classifier is, whether it blocks, and what the row is. */
export interface Outcome {
  readonly probability: number;
  readonly blocks: boolean;
  readonly isMalicious: boolean;
  /** Near-copies share it. */
  readonly item: string;
}

/** Of one class of rows at the threshold as shipped. */
export interface Rate {
  readonly rows: number;
  readonly blocked: number;
  /** Null where there are no rows. */
  readonly rate: number | null;
  readonly items: number;
  /** An item counts as blocked when any of its rows is. */
  readonly blockedItems: number;
  readonly itemRate: number | null;
}

/** Null where one of the classes is missing. */
export interface Figures {
  readonly malicious: Rate;
  readonly benign: Rate;
  readonly auc: number | null;
  /** Share of malicious rows above the least threshold that keeps so much of the benign rows: what hindsight would reach. */
  readonly tprAtFpr1Percent: number | null;
  readonly tprAtFpr01Percent: number | null;
  /** Expected calibration error over ten equal bins, both classes of equal weight. */
  readonly calibrationError: number | null;
}

export function figuresOf(outcomes: readonly Outcome[]): Figures {
  const malicious = outcomes.filter(({ isMalicious }) => isMalicious);
  const benign = outcomes.filter(({ isMalicious }) => !isMalicious);
  const hasBoth = malicious.length > 0 && benign.length > 0;
  return {
    malicious: rateOf(malicious),
    benign: rateOf(benign),
    auc: hasBoth ? auc(malicious.map(probabilityOf), benign.map(probabilityOf)) : null,
    tprAtFpr1Percent: hasBoth ? tprAt(malicious, benign, 0.01) : null,
    tprAtFpr01Percent: hasBoth ? tprAt(malicious, benign, 0.001) : null,
    calibrationError: hasBoth ? calibrationError(malicious, benign) : null,
  };
}

export function rateOf(outcomes: readonly Outcome[]): Rate {
  const blocked = outcomes.filter(({ blocks }) => blocks);
  const items = new Set(outcomes.map(({ item }) => item));
  const blockedItems = new Set(blocked.map(({ item }) => item));
  return {
    rows: outcomes.length,
    blocked: blocked.length,
    rate: share(blocked.length, outcomes.length),
    items: items.size,
    blockedItems: blockedItems.size,
    itemRate: share(blockedItems.size, items.size),
  };
}

/** The chance that a malicious row scores above a benign one, ties half: Mann and Whitney's U over all pairs. */
export function auc(malicious: readonly number[], benign: readonly number[]): number {
  const all = [
    ...malicious.map((value) => ({ value, isMalicious: true })),
    ...benign.map((value) => ({ value, isMalicious: false })),
  ].sort((a, b) => a.value - b.value);
  let ranks = 0;
  for (let from = 0; from < all.length;) {
    let to = from;
    while (to < all.length && all[to]?.value === all[from]?.value) to += 1;
    const meanRank = (from + 1 + to) / 2;
    for (let at = from; at < to; at += 1) if (all[at]?.isMalicious === true) ranks += meanRank;
    from = to;
  }
  const count = malicious.length;
  return round((ranks - (count * (count + 1)) / 2) / (count * benign.length));
}

/** A point of the curve: what share of each class lies at or above some threshold. */
export interface CurvePoint {
  readonly fpr: number;
  readonly tpr: number;
}

/** @returns the points from the highest threshold down, one for each distinct probability */
export function rocOf(outcomes: readonly Outcome[]): readonly CurvePoint[] {
  const sorted = outcomes.toSorted((a, b) => b.probability - a.probability);
  const total = sorted.filter(({ isMalicious }) => isMalicious).length;
  const benign = sorted.length - total;
  if (total === 0 || benign === 0) return [];
  const points: CurvePoint[] = [{ fpr: 0, tpr: 0 }];
  let [hits, alarms] = [0, 0];
  sorted.forEach(({ isMalicious, probability }, index) => {
    if (isMalicious) hits += 1;
    else alarms += 1;
    if (sorted[index + 1]?.probability !== probability)
      points.push({ fpr: alarms / benign, tpr: hits / total });
  });
  return points;
}

function tprAt(malicious: readonly Outcome[], benign: readonly Outcome[], fpr: number): number {
  const sorted = benign.map(probabilityOf).sort((a, b) => b - a);
  // So many benign rows may lie above; ties stay below.
  const threshold = sorted[Math.floor(fpr * sorted.length)] ?? 0;
  return round(malicious.filter(({ probability }) => probability > threshold).length / malicious.length);
}

const bins = 10;

function calibrationError(malicious: readonly Outcome[], benign: readonly Outcome[]): number {
  const binOf = ({ probability }: Outcome) => Math.min(bins - 1, Math.floor(probability * bins));
  let error = 0;
  for (let bin = 0; bin < bins; bin += 1) {
    const [hostile, harmless] = [malicious, benign].map((rows) => {
      const inside = rows.filter((row) => binOf(row) === bin);
      const weight = inside.length / rows.length / 2;
      const sum = inside.reduce((total, { probability }) => total + probability, 0) / rows.length / 2;
      return { weight, sum };
    });
    if (hostile === undefined || harmless === undefined) continue;
    error += Math.abs(hostile.sum + harmless.sum - hostile.weight);
  }
  return round(error);
}

function probabilityOf({ probability }: Outcome): number {
  return probability;
}

function share(part: number, whole: number): number | null {
  return whole === 0 ? null : round(part / whole);
}

/** Four decimals: more would be noise. */
export function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
