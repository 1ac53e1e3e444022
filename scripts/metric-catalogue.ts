import { createHttpEvents } from '../platform/http/events.ts';
import { createLogger } from '../platform/telemetry/logger.ts';
import { createMetrics, type MetricDescription, type Metrics } from '../platform/telemetry/metrics.ts';
import { createAnalyseEvents } from '../services/analyse/events.ts';
import { createClassifyEvents } from '../services/classify/events.ts';
import { createVersionEvents } from '../services/classify/version-events.ts';
import { createCorrelateEvents, watchCorrelate } from '../services/correlate/events.ts';
import { createHostEvents, watchHost } from '../services/host/events.ts';
import type { ServiceName } from '../services/host/services.ts';
import { createIngestEvents, watchIngest } from '../services/ingest/events.ts';
import { createPublishEvents } from '../services/publish/events.ts';
import { createQueryEvents } from '../services/query/events.ts';
import { createRecordEvents } from '../services/record/events.ts';

const logger = createLogger({ name: 'metric-catalogue', level: 'silent' });
const none = (): number => 0;

/** Metrics are declared where their events are; declaring them starts nothing. */
const declarations: Readonly<Record<ServiceName | 'process', (metrics: Metrics) => void>> = {
  process: (metrics) => {
    createHostEvents(metrics, logger);
    watchHost(metrics, { missing: () => [], pools: () => [], partitions: none });
    createHttpEvents(metrics, logger);
    metrics.collectProcess();
  },
  ingest: (metrics) => {
    createIngestEvents(metrics, logger);
    watchIngest(metrics, {
      ...{ waiters: none, inflightBytes: none, undecidedSeconds: none, decidedEntries: none, answers: none },
      sentSamples: none,
    });
  },
  classify: (metrics) => {
    createClassifyEvents(logger, metrics);
    createVersionEvents(logger, metrics);
  },
  correlate: (metrics) => {
    createCorrelateEvents(logger, metrics);
    watchCorrelate(metrics, { owned: none, degraded: none, waiting: none });
  },
  publish: (metrics) => void createPublishEvents(logger, metrics),
  record: (metrics) => void createRecordEvents(logger, metrics),
  query: (metrics) => void createQueryEvents(logger, metrics),
  analyse: (metrics) => void createAnalyseEvents(logger, metrics),
};

/** One metric and who tells it: one of the services, or every process. */
export interface CataloguedMetric extends MetricDescription {
  readonly service: ServiceName | 'process';
}

/** Every metric of every service, in the order in which they are declared. */
export function metricCatalogue(): readonly CataloguedMetric[] {
  return (Object.keys(declarations) as (keyof typeof declarations)[]).flatMap((service) => {
    const metrics = createMetrics();
    declarations[service](metrics);
    return metrics.list().map((metric) => ({ ...metric, service }));
  });
}
