import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { ClassifierOutcome } from '../classifier.ts';

/** Looks into the bytes of a sample, apart from the thread that asks, within bounds of time and memory. */
export interface ContentAnalyser {
  /** As the manifest says; the version names what it goes by now. */
  readonly profile: ClassifierProfile;
  /** @param hints what the sender says of the bytes, which may be wrong */
  analyse(bytes: Uint8Array, hints: { readonly name: string | null }): Promise<ClassifierOutcome>;
  close(): Promise<void>;
}
