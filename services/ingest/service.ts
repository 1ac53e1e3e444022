import { FirebreakError } from '../../contracts/errors.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { Route } from '../../platform/http/route.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { SampleVault } from '../../platform/samples/sample-vault.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { Admission } from './admission.ts';
import { agentRoutes } from './agent-routes.ts';
import { Backlog } from './backlog.ts';
import type { Devices } from './devices.ts';
import { createIngestEvents, watchIngest } from './events.ts';
import { RecentReports } from './recent-reports.ts';
import { ReportIntake } from './report-intake.ts';
import { reportRoutes, type ReportStore } from './report-routes.ts';
import { sampleRoutes, type SampleReports } from './sample-routes.ts';
import { View } from './view.ts';
import { ViewReader } from './view-reader.ts';
import { WantedSamples } from './wanted-samples.ts';
import { Waiters } from './waiters.ts';

export interface IngestDependencies {
  readonly log: TopicLog;
  readonly devices: Devices;
  readonly reports: ReportStore & SampleReports;
  /** Null where this installation takes no samples. */
  readonly vault: SampleVault | null;
  readonly limits: Limits;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** From 0 up to 1: spreads those who are sent away. */
  readonly random?: () => number;
}

/** @returns what agents call, and the part that keeps the view of what is in force */
export function createIngest(deps: IngestDependencies): {
  readonly routes: readonly Route[];
  readonly parts: readonly Part[];
} {
  const { log, devices, reports, vault, limits, metrics, logger } = deps;
  const { now = Date.now, random = Math.random } = deps;
  const events = createIngestEvents(metrics, logger);
  const view = new View(limits);
  const waiters = new Waiters(limits.waitersPerProcess);
  const recent = new RecentReports(limits.recentReports);
  const backlog = new Backlog();
  const isLate = () => backlog.ageMs(now()) > limits.undecidedMs;
  const admission = new Admission(limits.inflightReportBytes, isLate);
  const wanted = new WantedSamples({ view, limits, isTaking: vault !== null, now });
  const reader = new ViewReader({ log, view, backlog, waiters, wanted, events, now });
  const intake = new ReportIntake({
    log,
    view,
    waiters,
    recent,
    admission,
    backlog,
    samples: wanted,
    events,
    limits,
    now,
    random,
  });
  watchIngest(metrics, {
    waiters: () => waiters.count,
    inflightBytes: () => admission.usedBytes,
    undecidedSeconds: () => backlog.ageMs(now()) / 1000,
    decidedEntries: () => view.size.decided,
    answers: () => view.size.answers,
    sentSamples: () => wanted.sentCount,
  });
  const assertReady = () => {
    const why = reader.unready();
    if (why !== null) throw new FirebreakError('FB_NOT_READY', why);
  };
  return {
    routes: [
      ...reportRoutes({ intake, view, recent, reports, devices, limits, assertReady, now }),
      ...agentRoutes({ view, devices, events, assertReady }),
      ...sampleRoutes({ vault, reports, log, view, wanted, events, limits, assertReady }),
    ],
    parts: [reader],
  };
}
