import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Limits } from '../../contracts/limits.ts';
import type { Route } from '../../platform/http/route.ts';
import type { Part } from '../../platform/lifecycle/part.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import type { Logger } from '../../platform/telemetry/logger.ts';
import type { Metrics } from '../../platform/telemetry/metrics.ts';
import { artifactRoutes } from './artifacts.ts';
import { auditRoutes } from './audit.ts';
import { classifierRoutes } from './classifiers.ts';
import { createQueryDatabase } from './database.ts';
import { detonationRoutes } from './detonations.ts';
import { deviceRoutes } from './devices.ts';
import { enrollmentKeyRoutes } from './enrollment-keys.ts';
import { createQueryEvents } from './events.ts';
import { OutboxRelay } from './outbox-relay.ts';
import { OverrideSweeper } from './override-sweeper.ts';
import { overrideRoutes } from './overrides.ts';
import { policyRoutes } from './policy.ts';
import { reportRoutes } from './reports.ts';
import { sampleRoutes } from './samples.ts';
import { tenantRoutes } from './tenants.ts';
import { tokenRoutes } from './tokens.ts';
import { verdictRoutes } from './verdicts.ts';
import type { DatabasePool } from '../../platform/postgres/pool.ts';

export interface QueryDependencies {
  readonly log: TopicLog;
  /** Logs in as `firebreak_tenant`. */
  readonly tenantPool: DatabasePool;
  /** Logs in as `firebreak_config`; the relay keeps one of its connections. */
  readonly configPool: DatabasePool;
  /** Of the scorer of sandbox reports. */
  readonly detonation: ClassifierProfile;
  readonly limits: Limits;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface QueryService {
  readonly routes: readonly Route[];
  /** To start after the log and the database. */
  readonly parts: readonly Part[];
  /** Sends at once what a transaction just left in the outbox; without it the relay looks twice a second. */
  poke(): void;
}

/** Answers analysts, administrators and the operator, and carries changes of configuration to the log. */
export function createQuery(dependencies: QueryDependencies): QueryService {
  const { log, tenantPool, configPool, detonation: profile, limits, logger, metrics } = dependencies;
  const events = createQueryEvents(logger, metrics);
  const database = createQueryDatabase(tenantPool, configPool);
  const relay = new OutboxRelay({ pool: configPool, log, events });
  const poke = (): void => relay.poke();
  const sweeper = new OverrideSweeper({ database, events, keepMs: limits.tombstoneDelayMs, poke });
  const k = limits.sharedFromTenants;
  return {
    routes: [
      ...tenantRoutes(database, poke),
      ...tokenRoutes(database, poke),
      ...enrollmentKeyRoutes(database),
      ...deviceRoutes(database, poke),
      ...verdictRoutes(database, k),
      ...artifactRoutes(database, k),
      ...reportRoutes(database),
      ...overrideRoutes(database, limits, poke),
      ...policyRoutes(database, poke),
      ...auditRoutes(database),
      ...sampleRoutes(database),
      ...detonationRoutes({ database, log, profile, limits, events }),
      ...classifierRoutes(database, log, poke),
    ],
    parts: [relay, sweeper],
    poke,
  };
}
