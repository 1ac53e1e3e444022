import type { ContentAnalyser } from '../../classifiers/content/analyser.ts';
import type { Limits } from '../../contracts/limits.ts';
import { topics } from '../../contracts/topics.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ConsumerGroup } from '../../platform/log/log.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { SampleVault } from '../../platform/samples/sample-vault.ts';
import type { AnalyseEvents } from './events.ts';
import { SampleKeeper } from './sample-keeper.ts';
import { group, SampleWorker } from './sample-worker.ts';

export interface AnalyseDependencies {
  readonly log: TopicLog;
  readonly vault: SampleVault;
  readonly analyser: ContentAnalyser;
  readonly limits: Limits;
  readonly events: AnalyseEvents;
}

/** @returns who looks into samples, and who keeps the store of them in order */
export function createAnalyse(deps: AnalyseDependencies): {
  readonly parts: readonly Part[];
  readonly groups: readonly ConsumerGroup[];
} {
  return {
    parts: [new SampleKeeper(deps), new SampleWorker({ ...deps, now: Date.now })],
    groups: [{ group, topics: [topics.samples.name] }],
  };
}
