import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RuleContentAnalyser } from '../../classifiers/content/analyser.ts';
import type { Registry } from '../../classifiers/registry.ts';
import { getReportOperation } from '../../contracts/operations/history.ts';
import type { Config } from '../../platform/config/config.ts';
import type { Route } from '../../platform/http/route.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ConsumerGroup } from '../../platform/log/log.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { findRecordedFileReport, findRecordedReport } from '../../platform/postgres/recorded-report.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import type { ReportStore } from '../ingest/report-routes.ts';
import type { SampleReports } from '../ingest/sample-routes.ts';
import { openVault } from './samples.ts';
import type { Platform } from './platform.ts';

/** What every service of a process is made of. */
export interface Foundation {
  readonly platform: Platform;
  readonly log: TopicLog;
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Which services share the process. */
  readonly names: readonly ServiceName[];
  readonly classifiers: () => Promise<Registry>;
  /** Sends at once what a transaction left in the outbox, where the relay is in this process; it looks twice a second anyway. */
  outbox: { poke: () => void };
}

export interface Hosted {
  readonly routes: readonly Route[];
  readonly parts: readonly Part[];
  /** What it consumes: told how far behind. */
  readonly groups?: readonly ConsumerGroup[];
  /** To be started after the interface, so that it stops first: it lets open streams go. */
  readonly streams?: Part;
}

/**
 * How each service is made, from the end of the loop to its beginning: in this order they start, so that whatever comes
 * in finds everything behind it running. Each is loaded only where it runs.
 */
export const services = {
  record: async ({ platform, log, config: { limits }, logger, metrics }: Foundation): Promise<Hosted> => {
    const { createRecord } = await import('../record/service.ts');
    const pool = platform.pool('firebreak_writer', 'record', 3);
    return { routes: [], ...createRecord({ log, pool, limits, logger, metrics }) };
  },
  query: async (foundation: Foundation): Promise<Hosted> => {
    const [{ createQuery }, { deadLetterRoutes }, { readProfile }] = await Promise.all([
      import('../query/service.ts'),
      import('../query/dead-letters.ts'),
      import('../../classifiers/profiles.ts'),
    ]);
    const { platform, log, config, logger, metrics } = foundation;
    const query = createQuery({
      log,
      tenantPool: platform.pool('firebreak_tenant', 'query', 8),
      configPool: platform.pool('firebreak_config', 'configuration', 6),
      detonation: await readProfile('detonation'),
      limits: config.limits,
      logger,
      metrics,
    });
    foundation.outbox.poke = () => query.poke();
    return { routes: [...query.routes, ...deadLetterRoutes(log)], parts: query.parts };
  },
  publish: async ({ platform, log, config, logger, metrics }: Foundation): Promise<Hosted> => {
    const [{ createPublish }, { createPublishEvents }] = await Promise.all([
      import('../publish/service.ts'),
      import('../publish/events.ts'),
    ]);
    const { partitions, logIdentity } = platform;
    const events = createPublishEvents(logger, metrics);
    return createPublish({ log, partitions, logIdentity, limits: config.limits, events });
  },
  ingest: async (foundation: Foundation): Promise<Hosted> => {
    const [{ createIngest }, { DeviceStore }] = await Promise.all([
      import('../ingest/service.ts'),
      import('../ingest/device-store.ts'),
    ]);
    const { platform, log, config, logger, metrics, names, outbox } = foundation;
    const { limits } = config;
    const devices = new DeviceStore({
      pool: platform.pool('firebreak_config', 'enrol', 4),
      limits,
      poke: () => outbox.poke(),
      now: Date.now,
    });
    const ingest = createIngest({
      log,
      devices,
      reports: historyOf(platform, config),
      vault: openVault(platform, config, 'uploads', 4),
      limits,
      logger,
      metrics,
    });
    const shared = names.includes('query') ? [] : await sharedRoutes(platform);
    return { routes: [...ingest.routes, ...shared], parts: ingest.parts };
  },
  correlate: async ({ platform, log, config, logger, metrics }: Foundation): Promise<Hosted> => {
    const [{ createCorrelate }, { createCorrelateEvents }, { readProfiles }, { readCombiner }] =
      await Promise.all([
        import('../correlate/service.ts'),
        import('../correlate/events.ts'),
        import('../../classifiers/profiles.ts'),
        import('../../classifiers/combiner/read-combiner.ts'),
      ]);
    const { parts, groups } = createCorrelate({
      log,
      signals: await platform.openSignals(),
      profiles: await readProfiles(),
      combiner: await readCombiner(),
      limits: config.limits,
      writer: ofThisProcess(),
      events: createCorrelateEvents(logger, metrics),
      metrics,
    });
    return { routes: [], parts, groups };
  },
  classify: async ({ log, config, logger, metrics, classifiers }: Foundation): Promise<Hosted> => {
    const [{ createClassify }, { createClassifyEvents }, { createVersionEvents }] = await Promise.all([
      import('../classify/service.ts'),
      import('../classify/events.ts'),
      import('../classify/version-events.ts'),
    ]);
    const { parts, groups } = createClassify({
      log,
      registry: await classifiers(),
      challengerFolders: config.challengerDirs,
      instance: ofThisProcess(),
      events: { ...createClassifyEvents(logger, metrics), ...createVersionEvents(logger, metrics) },
    });
    return { routes: [], parts, groups };
  },
  analyse: async ({ platform, log, config, logger, metrics }: Foundation): Promise<Hosted> => {
    const [{ createAnalyse }, { createAnalyseEvents }] = await Promise.all([
      import('../analyse/service.ts'),
      import('../analyse/events.ts'),
    ]);
    const events = createAnalyseEvents(logger, metrics);
    const vault = openVault(platform, config, 'samples', 3);
    if (vault === null) return { routes: [], parts: [] };
    const { limits } = config;
    const analyser = await openAnalyser(config);
    return { routes: [], ...createAnalyse({ log, vault, analyser, limits, events }) };
  },
} satisfies Record<string, (foundation: Foundation) => Promise<Hosted>>;

/** A name that no other process has: a container that starts again has the same name and the same process id. */
function ofThisProcess(): string {
  return `${hostname().slice(0, 32)}:${process.pid}:${randomBytes(4).toString('hex')}`;
}

export type ServiceName = keyof typeof services;
export const serviceNames = Object.keys(services) as readonly ServiceName[];

async function openAnalyser({ limits, sampleRuleDirs }: Config): Promise<RuleContentAnalyser> {
  const [{ createContentAnalyser }, { createMetadataClassifier }, { openOrAbsent }, { loadModel }] =
    await Promise.all([
      import('../../classifiers/content/analyser.ts'),
      import('../../classifiers/metadata/classifier.ts'),
      import('../../classifiers/model-version.ts'),
      import('../../platform/onnx/model.ts'),
    ]);
  const folder = new URL('../../classifiers/metadata/', import.meta.url);
  const { classifier: metadata } = await openOrAbsent(createMetadataClassifier, loadModel, folder);
  return createContentAnalyser({
    workers: limits.sampleAnalysers,
    timeoutMs: limits.sampleAnalysisMs,
    memoryMb: limits.sampleAnalysisMib,
    ruleFolders: sampleRuleDirs,
    metadata,
  });
}

/**
 * What ingest no longer remembers of a device's report. Where instances share the work, another one may have accepted
 * it a moment ago, and history lags a little: then it is asked for again before it counts as unknown.
 */
function historyOf(platform: Platform, config: Config): ReportStore & SampleReports {
  const pool = platform.pool('firebreak_tenant', 'outcomes', 2);
  const pausesMs = config.cluster === null ? [] : historyPausesMs;
  return {
    findReportOutcome: async (tenantId, deviceId, reportId) => {
      const found = await soon(() => findRecordedReport(pool, tenantId, deviceId, reportId), pausesMs);
      if (found === null) return null;
      const { reportedAt, artifactKey, acceptedAt, verdict } = found;
      return { '@timestamp': reportedAt, artifact: artifactKey, acceptedAt, verdict: verdict ?? 'pending' };
    },
    // A device that was asked sends at once: its report may be on its way to history still.
    findReportOf: (tenantId, deviceId, artifactKey) =>
      soon(() => findRecordedFileReport(pool, tenantId, deviceId, artifactKey), historyPausesMs),
  };
}

/** Asks again after each of the pauses, while there is nothing. */
async function soon<Found>(
  find: () => Promise<Found | null>,
  pausesMs: readonly number[],
): Promise<Found | null> {
  let found = await find();
  for (const pauseMs of pausesMs) {
    if (found !== null) break;
    await sleep(pauseMs);
    found = await find();
  }
  return found;
}

const historyPausesMs = [100, 300, 600];

/** One path is ingest's for devices and query's for people: who is sent there finds both. */
async function sharedRoutes(platform: Platform): Promise<readonly Route[]> {
  const [{ reportRoutes }, { createQueryDatabase }] = await Promise.all([
    import('../query/reports.ts'),
    import('../query/database.ts'),
  ]);
  const database = createQueryDatabase(
    platform.pool('firebreak_tenant', 'reports', 2),
    platform.pool('firebreak_config', 'reports', 1),
  );
  return reportRoutes(database).filter(({ operation }) => operation.id === getReportOperation.id);
}
