import type { Detonation } from '../../contracts/detonation.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';

/** What happens in query beside answering, each as one function that moves the counter and writes the line. */
export interface QueryEvents {
  relayed(records: number): void;
  relayFailed(error: unknown): void;
  relayBecameSender(): void;
  expired(overrides: number): void;
  sweepFailed(error: unknown): void;
  /** What a sandbox saw was handed in and understood. */
  detonated(detonation: Pick<Detonation, 'probability' | 'threshold'>): void;
  detonationRefused(): void;
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
  const detonations = metrics.counter(
    {
      name: 'firebreak_query_detonations_total',
      help: 'Reports of sandboxes by what they say: enough for a block, less, that nothing ran, or refused.',
    },
    ['outcome'],
  );
  for (const outcome of ['condemning', 'less', 'silent', 'refused']) detonations.inc({ outcome }, 0);
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
    detonated: ({ probability, threshold }) => {
      if (probability === null) detonations.inc({ outcome: 'silent' });
      else detonations.inc({ outcome: probability >= threshold ? 'condemning' : 'less' });
    },
    detonationRefused: () => detonations.inc({ outcome: 'refused' }),
  };
}
