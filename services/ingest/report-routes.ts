import { FirebreakError } from '../../contracts/errors.ts';
import {
  toTimestamp,
  type DeviceId,
  type ReportId,
  type TenantId,
  type Timestamp,
} from '../../contracts/ids.ts';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { Verdict } from '../../contracts/domain.ts';
import type { Limits } from '../../contracts/limits.ts';
import {
  getReportOutcomeOperation,
  lookUpOperation,
  sendReportsOperation,
} from '../../contracts/operations/ingest.ts';
import { parsePrefer } from '../../platform/http/prefer.ts';
import { route, type Route } from '../../platform/http/route.ts';
import type { Devices } from './devices.ts';
import type { RecentReports } from './recent-reports.ts';
import type { ReportIntake } from './report-intake.ts';
import { standingOf } from './standing.ts';
import type { View } from './view.ts';

/** What the history knows of a report. */
export interface StoredOutcome {
  readonly '@timestamp': Timestamp;
  readonly artifact: ArtifactKey;
  readonly acceptedAt: Timestamp;
  /** Of the decision on it; pending where there is none. */
  readonly verdict: Verdict | 'pending';
}

/** History, for reports that this instance does not remember. */
export interface ReportStore {
  /** @throws FB_DATABASE_UNAVAILABLE */
  findReportOutcome(
    tenantId: TenantId,
    deviceId: DeviceId,
    reportId: ReportId,
  ): Promise<StoredOutcome | null>;
}

export interface ReportRoutesDependencies {
  readonly intake: ReportIntake;
  readonly view: View;
  readonly recent: RecentReports;
  readonly reports: ReportStore;
  readonly devices: Pick<Devices, 'runningModeOf'>;
  readonly limits: Limits;
  /** @throws FB_NOT_READY while the view is not what is in force */
  readonly assertReady: () => void;
  readonly now: () => number;
}

export function reportRoutes(deps: ReportRoutesDependencies): readonly Route[] {
  return [sendReports(deps), getReportOutcome(deps), lookUp(deps)];
}

function sendReports({ intake, assertReady, now }: ReportRoutesDependencies): Route {
  return route(sendReportsOperation, async (request) => {
    assertReady();
    const { body: batch, bodyBytes, traceparent, principal } = request;
    const { tenantId, deviceId } = principal;
    const preferences = parsePrefer(request.headers['prefer']);
    const intaken = { batch, bodyBytes, tenantId, deviceId, preferences, traceparent };
    // The signal is made when it is asked for, which only who waits does.
    const { results, decided, waitMs } = await intake.take(intaken, () => request.signal);
    const applied = [
      ...(waitMs === null ? [] : [`wait=${Math.floor(waitMs / 1000)}`]),
      ...(preferences.strict ? ['handling=strict'] : []),
    ];
    return {
      status: decided ? 200 : 202,
      ...(applied.length > 0 && { headers: { 'preference-applied': applied.join(', ') } }),
      json: { now: toTimestamp(now()), results },
    };
  });
}

function getReportOutcome({ view, recent, reports, assertReady, now }: ReportRoutesDependencies): Route {
  return route(getReportOutcomeOperation, async ({ params: { id }, principal: { tenantId, deviceId } }) => {
    assertReady();
    const remembered = recent.find(deviceId, id);
    const found = remembered
      ? {
          '@timestamp': remembered.reportedAt,
          artifact: remembered.artifactKey,
          acceptedAt: remembered.acceptedAt,
          verdict: 'pending',
        }
      : await reports.findReportOutcome(tenantId, deviceId, id);
    if (found === null) throw new FirebreakError('FB_NOT_FOUND', 'This device sent no such report.');
    const nowMs = now();
    const entries = view.forCaller(found.artifact, tenantId, deviceId, nowMs);
    const device = { deviceId, runningMode: 'active' } as const;
    const standing = standingOf(entries, view.policyOf(tenantId), device, toTimestamp(nowMs));
    const { entry, verdict } = standing ?? { entry: null, verdict: found.verdict };
    const { '@timestamp': reportedAt, artifact, acceptedAt } = found;
    return { status: 200, json: { id, '@timestamp': reportedAt, artifact, verdict, entry, acceptedAt } };
  });
}

function lookUp({ view, devices, limits, assertReady, now }: ReportRoutesDependencies): Route {
  return route(lookUpOperation, async ({ body: { keys }, principal: { tenantId, deviceId } }) => {
    assertReady();
    if (keys.length > limits.lookupsPerRequest) {
      const detail = `At most ${limits.lookupsPerRequest} keys are looked up at once.`;
      throw new FirebreakError('FB_BODY_INVALID', detail, { errors: [{ pointer: '/keys', detail }] });
    }
    const runningMode = await devices.runningModeOf(tenantId, deviceId);
    const nowMs = now();
    const policy = view.policyOf(tenantId);
    const results = keys.map((key) => {
      const entries = view.forCaller(key, tenantId, deviceId, nowMs);
      const standing = standingOf(entries, policy, { deviceId, runningMode }, toTimestamp(nowMs));
      return { key, verdict: standing?.verdict ?? null, action: standing?.action ?? null, entries };
    });
    return { status: 200, json: { now: toTimestamp(nowMs), results } };
  });
}
