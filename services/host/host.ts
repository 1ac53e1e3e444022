import { setTimeout as sleep } from 'node:timers/promises';
import { buildOpenApi } from '../../contracts/openapi.ts';
import { allOperations } from '../../contracts/operations/all.ts';
import { topics } from '../../contracts/topics.ts';
import { serviceVersion } from '../../contracts/version.ts';
import type { Config } from '../../platform/config/config.ts';
import { createHttpEvents } from '../../platform/http/events.ts';
import { HttpServer } from '../../platform/http/server.ts';
import { healthRoutes } from '../../platform/http/system-routes.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ProcessParts } from '../../platform/lifecycle/run-process.ts';
import { missingParts } from '../../platform/lifecycle/start-parts.ts';
import { TopicFollower } from '../../platform/log/topic-follower.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { createAuthenticator } from '../../platform/postgres/authenticator.ts';
import { createLogger } from '../../platform/telemetry/logger.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import { createHostEvents, watchHost } from './events.ts';
import { LagWatch } from './lag-watch.ts';
import { loadPlatform } from './load-platform.ts';
import { ensureOperator, type Operator } from './operator.ts';
import { services, type Foundation, type Hosted, type ServiceName } from './services.ts';

/** What a person wants to know when it is up. */
export interface Address {
  readonly url: string;
  /** Null when the token came from the environment. */
  readonly credentialsFile: string | null;
}

/** The services of these names in one process, behind one address, on the platform of the configured profile. */
export function createHost(
  config: Config,
  names: readonly ServiceName[],
  onReady: (address: Address) => void,
): ProcessParts {
  const address: { current: Address | null } = { current: null };
  return {
    parts: allParts(config, names, (ready) => (address.current = ready)),
    drainMs: config.drainMs,
    onStarted: () => {
      if (address.current !== null) onReady(address.current);
    },
  };
}

/** The parts in the order in which they start: what is stood on, the services, the interface last. They stop the other way round. */
async function* allParts(
  config: Config,
  names: readonly ServiceName[],
  ready: (address: Address) => void,
): AsyncGenerator<Part> {
  const { limits } = config;
  const logger = createLogger({ name: 'firebreak', level: config.logLevel });
  const metrics = createMetrics();
  metrics.collectProcess();
  const started: Part[] = [];
  const up = <P extends Part>(part: P): P => {
    started.push(part);
    return part;
  };

  const events = createHostEvents(metrics, logger);
  const platform = up(await loadPlatform(config, `firebreak-${names.join('-')}`, events));
  yield platform;
  watchHost(metrics, {
    missing: () => missingParts(started),
    pools: () => platform.poolUsage(),
    partitions: () => platform.partitions,
  });
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
  yield up(controlOf(authenticator, log));

  const foundation: Foundation = {
    ...{ platform, log, config, logger, metrics, names },
    classifiers: once(() => loadClassifiers(config)),
    outbox: { poke: () => undefined },
  };
  const hosted: Hosted[] = [];
  for (const name of names) hosted.push(await services[name](foundation));
  // Who reads all verdicts in force starts together: each page is read and parsed once for them all.
  for (const { parts } of hosted) for (const part of parts) yield up(part);
  yield up(new LagWatch({ log: log.log, groups: hosted.flatMap(({ groups = [] }) => groups), events }));

  const routes = [...healthRoutes(() => missingParts(started)), ...hosted.flatMap((each) => each.routes)];
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
      // The whole interface, whichever part of it is answered here: one address stands in front of all services.
      openApi: buildOpenApi(allOperations, serviceVersion),
    }),
  );
  yield server;
  for (const { streams } of hosted) if (streams !== undefined) yield up(streams);
  while (missingParts(started).length > 0) await sleep(10);
  ready({ url: server.url, credentialsFile: announce(operator, server.url) });
}

/** Loaded only where they are used: their runtime is the largest thing in a process. */
async function loadClassifiers(config: Config) {
  const [registry, { loadModel }] = await Promise.all([
    import('../../classifiers/registry.ts'),
    import('../../platform/onnx/model.ts'),
  ]);
  return registry.loadClassifiers({
    openModel: loadModel,
    ruleFolders: config.ruleDirs,
    simulatedRuleFolders: config.simulatedRuleDirs,
    reputationFolders: config.reputationDirs,
  });
}

/** Whoever lost a credential, a role or a tenant is to be known at once, not when a cache ends. */
function controlOf(authenticator: ReturnType<typeof createAuthenticator>, log: TopicLog): Part {
  return new TopicFollower({
    name: 'authenticator.control',
    log,
    topic: topics.control,
    from: 'end',
    onRecords: (records) => {
      for (const { value } of records) if (value !== null) authenticator.invalidate(value);
    },
  });
}

function announce(operator: Operator, url: string): string | null {
  operator.writeCredentials(url);
  return operator.file;
}

function once<Value>(make: () => Promise<Value>): () => Promise<Value> {
  let made: Promise<Value> | undefined;
  return () => (made ??= make());
}
