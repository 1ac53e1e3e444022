import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadClassifiers } from '../../classifiers/registry.ts';
import { buildOpenApi } from '../../contracts/openapi.ts';
import { serviceVersion } from '../../contracts/version.ts';
import { topics } from '../../contracts/topics.ts';
import type { Config } from '../../platform/config/config.ts';
import { createHttpEvents } from '../../platform/http/events.ts';
import { HttpServer } from '../../platform/http/server.ts';
import { healthRoutes } from '../../platform/http/system-routes.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ProcessParts } from '../../platform/lifecycle/run-process.ts';
import { missingParts } from '../../platform/lifecycle/start-parts.ts';
import { TopicFollower } from '../../platform/log/topic-follower.ts';
import { loadModel } from '../../platform/onnx/model.ts';
import { createAuthenticator } from '../../platform/postgres/authenticator.ts';
import { findRecordedReport } from '../../platform/postgres/recorded-report.ts';
import { createLogger, type Logger } from '../../platform/telemetry/logger.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { createClassifyEvents } from '../classify/events.ts';
import { createClassify } from '../classify/service.ts';
import { createCorrelateEvents } from '../correlate/events.ts';
import { createCorrelate } from '../correlate/service.ts';
import { DeviceStore } from '../ingest/device-store.ts';
import type { ReportStore } from '../ingest/report-routes.ts';
import { createIngest } from '../ingest/service.ts';
import { createPublishEvents } from '../publish/events.ts';
import { createPublish } from '../publish/service.ts';
import { deadLetterRoutes } from '../query/dead-letters.ts';
import { createQuery } from '../query/service.ts';
import { createRecord } from '../record/service.ts';
import { EmbeddedPlatform, partitions } from './embedded-platform.ts';
import { ensureOperator, type Operator } from './operator.ts';

/** What a person wants to know when it is up. */
export interface Address {
  readonly url: string;
  /** Null when the token came from the environment. */
  readonly credentialsFile: string | null;
}

/** Every service in one process, behind one address, on the embedded platform. */
export function createAllInOne(config: Config, onReady: (address: Address) => void): ProcessParts {
  const address: { current: Address | null } = { current: null };
  return {
    parts: allParts(config, (ready) => (address.current = ready)),
    drainMs: config.drainMs,
    onStarted: () => {
      if (address.current !== null) onReady(address.current);
    },
  };
}

/**
 * The parts in the order in which they start: what is stood on, then from the end of the loop to its beginning, so that
 * whatever comes in finds everything behind it running; the interface last. They stop the other way round.
 */
async function* allParts(config: Config, ready: (address: Address) => void): AsyncGenerator<Part> {
  const { limits } = config;
  const logger = createLogger({ name: 'firebreak', level: config.logLevel });
  const metrics = createMetrics();
  metrics.collectProcess();
  const started: Part[] = [];
  const up = <P extends Part>(part: P): P => {
    started.push(part);
    return part;
  };

  const platform = up(new EmbeddedPlatform(config.dataDir, limits, logger));
  yield platform;
  const operator = ensureOperator(platform.dataDir, config.operatorToken);
  const log = platform.topicLog;

  const authenticator = up(
    createAuthenticator({
      pool: platform.pool('firebreak_config', 'authenticate', 4),
      limits,
      operatorHash: operator.hash,
      onWriteFailed: (error) =>
        logger.warn({ error }, 'last uses of credentials were not written; trying again'),
    }),
  );
  yield authenticator;
  yield up(controlOf(authenticator, log, logger));

  const { classifiers, rules } = await loadClassifiers({
    openModel: loadModel,
    ruleFolders: config.ruleDirs,
  });
  for (const rejected of rules.loaded.rejected) logger.warn({ rejected }, 'a rule cannot be used');

  const record = createRecord({
    log,
    pool: platform.pool('firebreak_writer', 'record', 3),
    limits,
    logger,
    metrics,
  });
  const query = createQuery({
    log,
    tenantPool: platform.pool('firebreak_tenant', 'query', 8),
    configPool: platform.pool('firebreak_config', 'configuration', 6),
    limits,
    logger,
    metrics,
  });
  const publish = createPublish({
    log,
    partitions,
    logIdentity: platform.logIdentity,
    limits,
    events: createPublishEvents(logger, metrics),
  });
  const correlate = createCorrelate({
    log,
    signals: platform.createSignals(),
    profiles: classifiers.map(({ profile }) => profile),
    limits,
    writer: `${hostname()}:${process.pid}`,
    events: createCorrelateEvents(logger, metrics),
  });
  const classify = createClassify({ log, classifiers, events: createClassifyEvents(logger, metrics) });
  const devices = new DeviceStore({
    pool: platform.pool('firebreak_config', 'enrol', 4),
    limits,
    poke: () => query.poke(),
    now: Date.now,
  });
  const ingest = createIngest({ log, devices, reports: historyOf(platform), limits, logger, metrics });
  // Who reads all verdicts in force starts together: each page is read and parsed once for them all.
  for (const service of [record, query, publish, ingest, correlate, classify])
    for (const part of service.parts) yield up(part);

  const routes = [
    ...healthRoutes(() => missingParts(started)),
    ...ingest.routes,
    ...publish.routes,
    ...query.routes,
    ...deadLetterRoutes(log),
  ];
  const server = up(
    new HttpServer({
      host: config.httpHost,
      port: config.httpPort,
      routes,
      authenticator,
      limits,
      events: createHttpEvents(metrics, logger),
      // What stands behind the interface needs the rest of the time to stop.
      drainMs: config.drainMs / 2,
      metrics,
      metricsToken: config.metricsToken,
      openApi: buildOpenApi(
        routes.map(({ operation }) => operation),
        serviceVersion,
      ),
    }),
  );
  yield server;
  yield up(publish.streams);
  while (missingParts(started).length > 0) await sleep(10);
  ready({ url: server.url, credentialsFile: announce(operator, server.url) });
}

/** Whoever lost a credential, a role or a tenant is to be known at once, not when a cache ends. */
function controlOf(
  authenticator: ReturnType<typeof createAuthenticator>,
  log: EmbeddedPlatform['topicLog'],
  logger: Logger,
): Part {
  return new TopicFollower({
    name: 'authenticator.control',
    log,
    topic: topics.control,
    from: 'end',
    onRecords: (records) => {
      for (const { value } of records) if (value !== null) authenticator.invalidate(value);
    },
    onFailed: (error) => logger.error({ error }, 'the control topic was lost; restart the process'),
  });
}

/** What ingest no longer remembers of a device's report. */
function historyOf(platform: EmbeddedPlatform): ReportStore {
  const pool = platform.pool('firebreak_tenant', 'outcomes', 2);
  return {
    findReportOutcome: async (tenantId, deviceId, reportId) => {
      const found = await findRecordedReport(pool, tenantId, deviceId, reportId);
      if (found === null) return null;
      const { reportedAt, artifactKey, acceptedAt, verdict } = found;
      return { '@timestamp': reportedAt, artifact: artifactKey, acceptedAt, verdict: verdict ?? 'pending' };
    },
  };
}

function announce(operator: Operator, url: string): string | null {
  operator.writeCredentials(url);
  return operator.file;
}
