import type { ClassifierOutcome } from '../classifier.ts';

/** Looks into the bytes of a sample, apart from the thread that asks, within bounds of time and memory. */
export interface ContentAnalyser {
  /** @param hints what the sender says of the bytes, which may be wrong */
  analyse(bytes: Uint8Array, hints: { readonly name: string | null }): Promise<ClassifierOutcome>;
  close(): Promise<void>;
}
