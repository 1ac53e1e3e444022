import { sha256Hex } from '../contracts/canonical.ts';

/** Numbers from 0 to below 1. */
export type Random = () => number;

/**
 * The same numbers for the same seed and stream, whatever other streams were asked for (mulberry32 over a digest of both).
 *
 * @param stream what the numbers are for
 */
export function randomOf(seed: string, stream: string): Random {
  let state = Number.parseInt(sha256Hex(`${seed}\n${stream}`).slice(0, 8), 16);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** @returns an integer from `from` up to and without `until` */
export function between(random: Random, from: number, until: number): number {
  return from + Math.floor(random() * (until - from));
}

/** @returns the same items in another order (Fisher and Yates) */
export function shuffled<Item>(items: readonly Item[], random: Random): readonly Item[] {
  const mixed = [...items];
  for (let at = mixed.length - 1; at > 0; at -= 1) {
    const other = between(random, 0, at + 1);
    [mixed[at], mixed[other]] = [mixed[other] as Item, mixed[at] as Item];
  }
  return mixed;
}
