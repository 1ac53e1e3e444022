import type { ShadowScore } from '../../contracts/classifier-versions.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import type { LineUp } from './line-up.ts';

/** What happens to versions of classifiers. */
export interface VersionEvents {
  versionOpened(classifier: string, version: string, folder: string, silence: string | null): void;
  /** It cannot be used; the others go on. */
  versionRefused(folder: string, reason: string): void;
  /** It counts for nothing from now on. */
  versionSilent(classifier: string, version: string, reason: string): void;
  versionSpeaks(classifier: string, version: string): void;
  /** How things stand, for the gauges. */
  versionsAt(lineUps: readonly LineUp[]): void;
  statusNotTold(error: unknown): void;
  shadowed(classifier: string, scores: readonly ShadowScore[]): void;
  /** The challenger was still at work: these reports are not compared. */
  shadowSkipped(classifier: string, reports: number): void;
  shadowFailed(classifier: string, error: unknown): void;
}

export function createVersionEvents(logger: Logger, metrics: Metrics): VersionEvents {
  const silent = metrics.gauge(
    {
      name: 'firebreak_classify_silent',
      help: '1 where the version of a classifier that decides counts for nothing: its model was refused, or it answers a golden report wrongly.',
    },
    { labels: ['classifier'] },
  );
  const missing = metrics.gauge(
    {
      name: 'firebreak_classify_champion_missing',
      help: '1 where the version that was promoted is not here, and the one that comes with the service stands in.',
    },
    { labels: ['classifier'] },
  );
  const challengers = metrics.gauge(
    { name: 'firebreak_classify_challengers', help: 'Versions of a classifier that are tried.' },
    { labels: ['classifier'] },
  );
  let watched: readonly LineUp[] = [];
  metrics.gauge(
    {
      name: 'firebreak_classify_drift',
      help: 'Population stability index of a feature, and of the score, of the version that decides, against the data that it was made from; over one to two hours.',
    },
    {
      labels: ['classifier', 'feature'],
      collect: (gauge) => {
        gauge.reset();
        for (const { profile, champion } of watched)
          for (const [feature, index] of champion.drift())
            gauge.set({ classifier: profile.id, feature }, index);
      },
    },
  );
  const refused = metrics.counter({
    name: 'firebreak_classify_versions_refused_total',
    help: 'Folders of versions that cannot be used; the log says why.',
  });
  const compared = metrics.counter(
    {
      name: 'firebreak_classify_shadow_total',
      help: 'Reports that a challenger scored beside the champion, by which of them alone would block, and those it left out because it was still at work.',
    },
    ['classifier', 'blocks'],
  );
  return {
    versionOpened(classifier, version, folder, silence) {
      logger.info({ classifier, version, folder, silence }, 'a version of a classifier is there');
    },
    versionRefused(folder, reason) {
      refused.inc();
      logger.error({ folder, reason }, 'a version of a classifier cannot be used');
    },
    versionSilent(classifier, version, reason) {
      logger.error({ classifier, version, reason }, 'a classifier counts for nothing until this is mended');
    },
    versionSpeaks(classifier, version) {
      logger.warn({ classifier, version }, 'a classifier answers its golden reports rightly again');
    },
    versionsAt(lineUps) {
      watched = lineUps;
      for (const lineUp of lineUps) {
        const classifier = lineUp.profile.id;
        silent.set({ classifier }, lineUp.champion.silence === null ? 0 : 1);
        missing.set({ classifier }, lineUp.isChampionMissing ? 1 : 0);
        challengers.set({ classifier }, lineUp.challengers.length);
      }
    },
    statusNotTold(error) {
      logger.warn({ error }, 'which versions of classifiers are here was not told; trying again');
    },
    shadowed(classifier, scores) {
      for (const { champion, challenger } of scores) {
        const which = champion.blocks
          ? challenger.blocks
            ? 'both'
            : 'champion'
          : challenger.blocks
            ? 'challenger'
            : 'neither';
        compared.inc({ classifier, blocks: which });
      }
    },
    shadowSkipped(classifier, reports) {
      compared.inc({ classifier, blocks: 'skipped' }, reports);
    },
    shadowFailed(classifier, error) {
      logger.warn({ classifier, error }, 'a challenger was not compared on a batch');
    },
  };
}
