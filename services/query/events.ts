import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';

/** What happens in query beside answering, each as one function that moves the counter and writes the line. */
export interface QueryEvents {
  relayed(records: number): void;
  relayFailed(error: unknown): void;
  relayBecameSender(): void;
  expired(overrides: number): void;
  sweepFailed(error: unknown): void;
}

export function createQueryEvents(logger: Logger, metrics: Metrics): QueryEvents {
  const relayed = metrics.counter({
    name: 'firebreak_query_outbox_sent_total',
    help: 'Control records sent from the outbox to the log.',
  });
  const failures = metrics.counter({
    name: 'firebreak_query_outbox_failures_total',
    help: 'Rounds of the outbox relay that failed; each is tried again.',
  });
  const expired = metrics.counter({
    name: 'firebreak_query_overrides_expired_total',
    help: 'Overrides whose time was over.',
  });
  return {
    relayed: (records) => relayed.inc(records),
    relayFailed: (error) => {
      failures.inc();
      logger.warn({ error }, 'Changes of configuration wait in the outbox');
    },
    relayBecameSender: () => logger.info({}, 'This process sends the outbox'),
    expired: (overrides) => expired.inc(overrides),
    sweepFailed: (error) =>
      logger.warn({ error }, 'Expired overrides were not announced; the next round tries again'),
  };
}
