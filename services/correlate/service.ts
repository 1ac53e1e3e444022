import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Combiner } from '../../contracts/combiner.ts';
import type { Limits } from '../../contracts/limits.ts';
import { topics } from '../../contracts/topics.ts';
import { decisionConfigSchema, defaultDecisionConfig } from '../../engine/decide/config.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { ConsumerGroup } from '../../platform/log/log.ts';
import { TopicFollower } from '../../platform/log/topic-follower.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { Signals } from '../../platform/signals/signals.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { Correlator } from './correlator.ts';
import { consumedTopics } from './owned-partition.ts';
import { watchCorrelate, type CorrelateEvents } from './events.ts';
import { group } from './group.ts';
import { TrustView } from './trust-view.ts';

export interface CorrelateDependencies {
  readonly log: TopicLog;
  readonly signals: Signals;
  readonly profiles: readonly ClassifierProfile[];
  readonly combiner: Combiner;
  readonly limits: Limits;
  readonly writer: string;
  readonly events: CorrelateEvents;
  readonly metrics: Metrics;
}

/** @returns the parts of the correlator: what it must know of tenants first, then the consumer */
export function createCorrelate(dependencies: CorrelateDependencies): {
  readonly parts: readonly Part[];
  readonly groups: readonly ConsumerGroup[];
} {
  const { log, limits, combiner } = dependencies;
  const trust = new TrustView();
  const control = new TopicFollower({
    name: 'correlate.trust',
    log,
    topic: topics.control,
    from: 'start',
    onRecords: (records) => {
      for (const { value } of records) if (value !== null) trust.apply(value);
    },
  });
  const { blockLifeMs, suspicionLifeMs, answerLifeMs } = limits;
  const config = decisionConfigSchema.parse({
    ...defaultDecisionConfig,
    combiner,
    blockLifeMs,
    suspicionLifeMs,
    answerLifeMs,
  });
  const correlator = new Correlator({ ...dependencies, trustOf: trust.trustOf, config });
  watchCorrelate(dependencies.metrics, {
    owned: () => correlator.ownedCount,
    degraded: () => correlator.degradedCount,
    waiting: () => correlator.waitingCount,
  });
  return { parts: [control, correlator], groups: [{ group, topics: consumedTopics }] };
}
