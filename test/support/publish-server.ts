import { buildOpenApi } from '../../contracts/openapi.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import { deviceIdSchema, tenantIdSchema } from '../../contracts/ids.ts';
import { defaultLimits, type Limits } from '../../contracts/limits.ts';
import { createHttpEvents } from '../../platform/http/events.ts';
import { HttpServer } from '../../platform/http/server.ts';
import { TopicLog } from '../../platform/log/topic-log.ts';
import { createLogger } from '../../platform/telemetry/logger.ts';
import { createMetrics } from '../../platform/telemetry/metrics.ts';
import type { PublishEvents } from '../../services/publish/events.ts';
import type { Caller } from '../../services/publish/scope.ts';
import { createPublish } from '../../services/publish/service.ts';
import { eventually } from './eventually.ts';
import { startTestLog } from './log.ts';
import { silentPublishEvents } from './publish-events.ts';

/** The bearer token of a device; the test server believes it. */
export function tokenOf({ tenantId, deviceId }: Caller): string {
  return `${tenantId}.${deviceId}`;
}

export interface PublishServer {
  readonly topicLog: TopicLog;
  readonly url: string;
  /** Stops publish and the HTTP server as a deploy does, and starts new ones at the same log and port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

export interface PublishServerOptions {
  readonly limits?: Partial<Limits>;
  readonly events?: Partial<PublishEvents>;
  readonly partitions?: number;
}

/** Publish on a real HTTP server, reading a real embedded log. Only who calls is taken on trust. */
export async function startPublishServer(options: PublishServerOptions = {}): Promise<PublishServer> {
  const { partitions = 2 } = options;
  const testLog = await startTestLog();
  const topicLog = new TopicLog(testLog.log, partitions);
  await topicLog.createTopics();
  let running = await serve(topicLog, partitions, 0, options);
  return {
    topicLog,
    get url() {
      return running.url;
    },
    restart: async () => {
      await running.stop();
      running = await serve(topicLog, partitions, running.port, options);
    },
    stop: async () => {
      await running.stop();
      await testLog.stop();
    },
  };
}

async function serve(topicLog: TopicLog, partitions: number, port: number, options: PublishServerOptions) {
  const limits = { ...defaultLimits, ...options.limits };
  const publish = createPublish({
    log: topicLog,
    partitions,
    logIdentity: 'test log',
    limits,
    events: { ...silentPublishEvents, ...options.events },
    dismissOverMs: 100,
  });
  const metrics = createMetrics();
  const logger = createLogger({ name: 'test', level: 'silent' });
  const server = new HttpServer({
    host: '127.0.0.1',
    port,
    routes: publish.routes,
    authenticator: {
      authenticate: async (token) => {
        const [tenantId, deviceId] = token.split('.');
        if (deviceId === undefined) throw new FirebreakError('FB_CREDENTIAL_UNKNOWN', 'Unknown.');
        return {
          kind: 'device',
          tenantId: tenantIdSchema.parse(tenantId),
          deviceId: deviceIdSchema.parse(deviceId),
          credentialId: 'c',
        };
      },
    },
    limits,
    events: createHttpEvents(metrics, logger),
    drainMs: 1000,
    metrics,
    metricsToken: null,
    openApi: buildOpenApi(
      publish.routes.map(({ operation }) => operation),
      '0.0.0',
    ),
  });
  const parts = [...publish.parts, server, publish.streams];
  for (const part of parts) await part.start();
  await eventually(() => (publish.parts.every((part) => part.unready?.() == null) ? true : null));
  return {
    url: server.url,
    port: Number(new URL(server.url).port),
    stop: async () => {
      for (const part of [...parts].reverse()) await part.stop();
    },
  };
}
