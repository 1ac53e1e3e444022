import type { EmbeddedLogEvent } from '../../platform/log/embedded/settings.ts';
import type { KafkaLogEvent } from '../../platform/log/kafka/settings.ts';
import type { Missing } from '../../platform/lifecycle/start-parts.ts';
import type { PoolUsage } from '../../platform/postgres/pools.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';

export type LogEvent = KafkaLogEvent | EmbeddedLogEvent;

/** What happens to what every process stands on, counted and logged. */
export interface HostEvents {
  log(event: LogEvent): void;
  /** What a server of ours, or the client of one, has to say. */
  notice(server: 'PostgreSQL' | 'Redis', notice: unknown): void;
  connectionLost(pool: string, error: Error): void;
  lagged(group: string, topic: string, records: number): void;
  deadLettersCounted(records: number): void;
  /** The log does not tell: what was told before is no longer said. */
  lagUnknown(groups: readonly string[], error: unknown): void;
}

/** What a process is asked when its metrics are read. */
export interface HostGauges {
  readonly missing: () => readonly Missing[];
  readonly pools: () => readonly PoolUsage[];
  /** Of every topic. */
  readonly partitions: () => number;
}

/** At which level each kind is logged. The log's client tells of every request that it tries again. */
export const logEventLevels: Readonly<Record<LogEvent['kind'], 'debug' | 'info' | 'warn' | 'error'>> = {
  client: 'debug',
  retrying: 'info',
  skipped: 'warn',
  evicted: 'warn',
  stuck: 'error',
  away: 'warn',
  back: 'warn',
  refused: 'warn',
  fenced: 'error',
  'read-failed': 'warn',
  'commit-failed': 'warn',
  'expiry-failed': 'warn',
};

export function createHostEvents(metrics: Metrics, logger: Logger): HostEvents {
  const logEvents = metrics.counter(
    { name: 'firebreak_log_events_total', help: 'What the log told of itself, by kind.' },
    ['kind'],
  );
  // There from the start: the first one of a kind is an increase, too.
  for (const kind of Object.keys(logEventLevels)) logEvents.inc({ kind }, 0);
  const lost = metrics.counter(
    {
      name: 'firebreak_postgres_connections_lost_total',
      help: 'Idle connections to PostgreSQL that broke, by pool.',
    },
    ['pool'],
  );
  const lag = metrics.gauge(
    {
      name: 'firebreak_log_lag_records',
      help: 'Records that a consumer group of this process has not committed, over all partitions. The correlators commit up to a minute late.',
    },
    { labels: ['group', 'topic'] },
  );
  const deadLetters = metrics.gauge({
    name: 'firebreak_log_dead_letters',
    help: 'Records that ever came into the dead letters, of all services.',
  });
  return {
    log: (event) => {
      const { kind } = event;
      logEvents.inc({ kind });
      logger[logEventLevels[kind]]({ event }, eventTexts[kind] ?? 'the log');
    },
    notice: (server, notice) => logger.warn({ notice }, server),
    connectionLost: (pool, error) => {
      lost.inc({ pool });
      // The driver hangs the whole client on its errors.
      logger.warn(
        { pool, why: error.message },
        'a connection to PostgreSQL was lost; the pool opens another one',
      );
    },
    lagged: (group, topic, records) => lag.set({ group, topic }, records),
    deadLettersCounted: (records) => deadLetters.set(records),
    lagUnknown: (groups, error) => {
      lag.reset();
      logger.info({ groups, error }, 'how far the groups are behind is not known; it is asked again');
    },
  };
}

const eventTexts: Partial<Readonly<Record<LogEvent['kind'], string>>> = {
  client: 'the client library of Kafka',
  retrying: 'Kafka is asked again',
  'commit-failed': 'an offset is not taken; it is tried again while the partition is ours',
  stuck: 'a partition stands still; restart the process, and report what it was doing',
};

export function watchHost(metrics: Metrics, { missing, pools, partitions }: HostGauges): void {
  metrics.gauge(
    {
      name: 'firebreak_process_missing_parts',
      help: 'Parts of the process that cannot serve now, 1 for each; readiness says why.',
    },
    {
      labels: ['part'],
      collect: (gauge) => {
        gauge.reset();
        for (const { part } of missing()) gauge.set({ part }, 1);
      },
    },
  );
  metrics.gauge(
    {
      name: 'firebreak_postgres_pool_connections',
      help: 'Connections to PostgreSQL by pool: busy, idle; and callers that wait for one.',
    },
    {
      labels: ['pool', 'state'],
      collect: (gauge) => {
        gauge.reset();
        for (const { pool, ...states } of pools())
          for (const [state, count] of Object.entries(states)) gauge.inc({ pool, state }, count);
      },
    },
  );
  metrics.gauge(
    { name: 'firebreak_log_partitions', help: 'Partitions of every topic.' },
    { collect: (gauge) => gauge.set(partitions()) },
  );
}
