import type { CorrelationType } from './rule.ts';

/** One event that a rule of a correlation fired on. */
export interface Occurrence {
  /** Place of the rule among those of the correlation. */
  readonly slot: number;
  readonly timeMs: number;
  /** Place of the event among all: of two at one time the later one has the higher number. */
  readonly order: number;
  /** The fields that the correlation counts or measures; undefined where the event lacks one. */
  readonly values: readonly string[] | undefined;
}

/**
 * What a correlation of a type measures of one window; undefined where there is nothing to measure.
 * @param window in the order of time, not empty
 * @param percentile of 0 to 100, for `value_percentile`
 */
export function measure(
  type: CorrelationType,
  window: readonly Occurrence[],
  percentile: number | undefined,
): number | undefined {
  switch (type) {
    case 'event_count':
      return new Set(window.map(({ order }) => order)).size;
    case 'value_count':
      return new Set(window.flatMap(({ values }) => (values === undefined ? [] : [JSON.stringify(values)])))
        .size;
    case 'temporal':
      return new Set(window.map(({ slot }) => slot)).size;
    case 'temporal_ordered':
      return longestChain(window);
    case 'value_sum':
      return aggregate(window, (numbers) => numbers.reduce((sum, number) => sum + number, 0));
    case 'value_avg':
      return aggregate(
        window,
        (numbers) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length,
      );
    case 'value_median':
      return aggregate(window, (numbers) => quantile(numbers, 0.5));
    case 'value_percentile':
      return aggregate(window, (numbers) => quantile(numbers, (percentile ?? 50) / 100));
  }
}

/**
 * How many rules fired in the order of the correlation: the longest run of events, one after the other, whose rules
 * come in that order. One event serves one rule.
 */
export function longestChain(window: readonly Occurrence[]): number {
  /** Longest chain that ends with the rule of a slot. */
  const best = new Map<number, number>();
  let before: ReadonlyMap<number, number> = best;
  let order: number | undefined;
  for (const occurrence of window) {
    if (occurrence.order !== order) {
      order = occurrence.order;
      before = new Map(best);
    }
    let length = 0;
    for (const [slot, chain] of before) if (slot < occurrence.slot) length = Math.max(length, chain);
    best.set(occurrence.slot, Math.max(best.get(occurrence.slot) ?? 0, length + 1));
  }
  return Math.max(0, ...best.values());
}

/** Of each event its number counts once, whichever rules fired on it. */
function aggregate(
  window: readonly Occurrence[],
  compute: (numbers: readonly number[]) => number,
): number | undefined {
  const byEvent = new Map<number, number>();
  for (const { order, values } of window) {
    const [text = ''] = values ?? [];
    const number = Number(text);
    if (text.trim() !== '' && Number.isFinite(number)) byEvent.set(order, number);
  }
  return byEvent.size === 0 ? undefined : compute([...byEvent.values()]);
}

/** Linear interpolation between the two nearest ranks. */
function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] ?? 0;
  const above = sorted[Math.ceil(position)] ?? below;
  return below + (above - below) * (position - Math.floor(position));
}
