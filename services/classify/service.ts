import type { NetworkClassifier } from '../../classifiers/network/classifier.ts';
import type { Registry } from '../../classifiers/registry.ts';
import { topics } from '../../contracts/topics.ts';
import { FolderReloader } from '../../platform/lifecycle/folder-reloader.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ConsumerGroup } from '../../platform/log/log.ts';
import { TopicFollower } from '../../platform/log/topic-follower.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { CanaryWatch } from './canary-watch.ts';
import { ChallengerScout } from './challenger-scout.ts';
import type { ClassifyEvents } from './events.ts';
import { LineUp } from './line-up.ts';
import { LineUpScorer } from './line-up-scorer.ts';
import { classifyGroup, ReportScorer } from './report-scorer.ts';
import { ScoringVersion } from './scoring-version.ts';
import { StatusTeller } from './status-teller.ts';
import type { VersionEvents } from './version-events.ts';

export interface ClassifyDependencies {
  readonly log: TopicLog;
  readonly registry: Pick<Registry, 'versions' | 'rules' | 'network' | 'openChallenger'>;
  /** Each holds a folder for every version that is to be tried. */
  readonly challengerFolders: readonly string[];
  /** Of this process alone. */
  readonly instance: string;
  readonly events: ClassifyEvents & VersionEvents;
  /** How often rules, lists, versions and canaries are looked after, in milliseconds. */
  readonly lookMs?: number;
  readonly canaryMs?: number;
}

/** Answers that each version of a classifier remembers: some megabytes, and an outbreak repeats far fewer inputs. */
const cacheEntries = 10_000;
/** A rule, list or version is found after so long at the most, and looking at three thousand files costs little of it. */
const defaultLookMs = 10_000;
/** The canaries of all classifiers take some milliseconds. */
const defaultCanaryMs = 60_000;
/** No classifier that works takes so long over a batch, whatever the load. */
const patienceMs = 30_000;

/**
 * @returns what reads reports and puts them to every classifier, and what keeps rules, lists, versions and the choice
 *   among them up to date
 */
export function createClassify(dependencies: ClassifyDependencies): {
  readonly parts: readonly Part[];
  readonly groups: readonly ConsumerGroup[];
} {
  const { log, registry, challengerFolders, instance, events } = dependencies;
  const { lookMs = defaultLookMs, canaryMs = defaultCanaryMs } = dependencies;
  const lineUps = registry.versions.map(
    (opened) => new LineUp(new ScoringVersion(opened, true, cacheEntries)),
  );
  const scorers = lineUps.map(
    (lineUp) => new LineUpScorer({ ...{ log, lineUp, events, patienceMs }, now: Date.now }),
  );
  const scout = new ChallengerScout({
    ...{ lineUps, events, cacheEntries },
    folders: challengerFolders,
    open: (folder) => registry.openChallenger(folder),
    everyMs: lookMs,
  });
  const status = new StatusTeller({
    ...{ log, instance, lineUps, events },
    refused: () => scout.refused.map(({ folder, reason }) => ({ folder, reason })),
    everyMs: lookMs,
    now: Date.now,
  });
  return {
    parts: [
      choicesOf(lineUps, log, events),
      scout,
      new CanaryWatch({ lineUps, events, everyMs: canaryMs }),
      new FolderReloader({
        ...{ name: 'classify.rules', source: registry.rules, everyMs: lookMs },
        tell: {
          loaded: (loaded) => events.rulesLoaded(loaded),
          notLoaded: (error) => events.rulesNotLoaded(error),
        },
      }),
      ...(registry.network === null ? [] : [listReloader(registry.network, events, lookMs)]),
      new ReportScorer({ log, scorers, events }),
      status,
    ],
    groups: [{ group: classifyGroup, topics: [topics.reports.name] }],
  };
}

/** What the operator chose, from the control topic: known before the first report is scored, followed from then on. */
function choicesOf(
  lineUps: readonly LineUp[],
  log: TopicLog,
  events: Pick<VersionEvents, 'versionsAt'>,
): Part {
  return new TopicFollower({
    ...{ name: 'classify.choices', log, topic: topics.control, from: 'start' },
    onRecords: (records) => {
      for (const { value } of records) {
        if (value?.kind !== 'classifier') continue;
        lineUps.find(({ profile }) => profile.id === value.classifier)?.choose(value.version, value.lineUp);
        events.versionsAt(lineUps);
      }
    },
  });
}

function listReloader(network: NetworkClassifier, events: ClassifyEvents, everyMs: number): Part {
  return new FolderReloader({
    ...{ name: 'classify.lists', source: network, everyMs },
    tell: {
      loaded: (loaded) => events.listsLoaded(loaded),
      notLoaded: (error) => events.listsNotLoaded(error),
    },
  });
}
