import type { RuleContentAnalyser } from '../../classifiers/content/analyser.ts';
import type { Limits } from '../../contracts/limits.ts';
import { topics } from '../../contracts/topics.ts';
import { FolderReloader } from '../../platform/lifecycle/folder-reloader.ts';
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
  readonly analyser: RuleContentAnalyser;
  readonly limits: Limits;
  readonly events: AnalyseEvents;
}

/** A rule is in force after so long at the most. */
const reloadMs = 10_000;

/** @returns who looks into samples, what keeps its rules up to date, and who keeps the store of them in order */
export function createAnalyse(deps: AnalyseDependencies): {
  readonly parts: readonly Part[];
  readonly groups: readonly ConsumerGroup[];
} {
  const { analyser, events } = deps;
  const rules = new FolderReloader({
    ...{ name: 'analyse.rules', source: analyser, everyMs: reloadMs },
    tell: {
      loaded: (loaded) => events.rulesLoaded(loaded),
      notLoaded: (error) => events.rulesNotLoaded(error),
    },
  });
  return {
    parts: [rules, new SampleKeeper(deps), new SampleWorker({ ...deps, now: Date.now })],
    groups: [{ group, topics: [topics.samples.name] }],
  };
}
