import type { ClassifierProfile } from '../contracts/classifier-profile.ts';
import type { Classifier, ClassifierInput, ClassifierOutcome } from './classifier.ts';

/** Stands where a classifier could not be loaded: it fails on everything at once, so that nobody waits for its answer. */
export class AbsentClassifier implements Classifier {
  readonly profile: ClassifierProfile;
  readonly reason: string;

  constructor(profile: ClassifierProfile, reason: string) {
    this.profile = profile;
    this.reason = reason;
  }

  cacheKey(): string {
    return '';
  }

  score(inputs: readonly ClassifierInput[]): Promise<readonly ClassifierOutcome[]> {
    return Promise.resolve(inputs.map(() => ({ outcome: 'failed', reason: this.reason })));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
