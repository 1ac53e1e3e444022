import { examine } from '../../classifiers/content/examine.ts';
import { randomOf } from '../random.ts';
import { mutate } from './mutate.ts';

export interface FuzzOptions {
  readonly seeds: readonly Buffer[];
  /** What the random numbers come from; with the number of a case it makes the same file again. */
  readonly seed: string;
  readonly first: number;
  readonly count: number;
  /** Told now and then, and before each case that takes long to find. */
  readonly onCase?: (index: number) => void;
}

export interface FuzzReport {
  readonly cases: number;
  readonly crashes: readonly { readonly index: number; readonly error: string }[];
  /** Cases that took over a second of this process's own time: a busy machine makes nothing hang. */
  readonly hangs: readonly { readonly index: number; readonly ms: number }[];
  readonly slowestMs: number;
  /** How many cases were taken for which format. */
  readonly formats: Readonly<Record<string, number>>;
  readonly withFindings: number;
}

const hangMs = 1000;
const mostListed = 20;

/** Parses mutated files, without the rules: whatever the bytes are, an examination comes back. */
export function fuzz({ seeds, seed, first, count, onCase }: FuzzOptions): FuzzReport {
  const crashes: FuzzReport['crashes'][number][] = [];
  const hangs: FuzzReport['hangs'][number][] = [];
  const formats: Record<string, number> = {};
  let [slowestMs, withFindings] = [0, 0];
  for (let index = first; index < first + count; index += 1) {
    onCase?.(index);
    const bytes = mutate(seeds, randomOf(seed, String(index)));
    const started = process.cpuUsage();
    try {
      const { format, findings } = examine(bytes, null, []);
      formats[format] = (formats[format] ?? 0) + 1;
      if (findings.length > 0) withFindings += 1;
    } catch (error) {
      if (crashes.length < mostListed) crashes.push({ index, error: String(error) });
    }
    const { user, system } = process.cpuUsage(started);
    const ms = (user + system) / 1000;
    if (ms > slowestMs) slowestMs = ms;
    if (ms > hangMs && hangs.length < mostListed) hangs.push({ index, ms });
  }
  return { cases: count, crashes, hangs, slowestMs, formats, withFindings };
}
