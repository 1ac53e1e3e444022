import { setTimeout as sleep } from 'node:timers/promises';
import type { z } from 'zod';
import { artifactKeySchema, type ArtifactKey } from '../../contracts/artifact.ts';
import type { Entry } from '../../contracts/entry.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import type { reportOutcomeSchema, reportViewSchema } from '../../contracts/http.ts';
import { verdictSchema } from '../../contracts/domain.ts';
import { deviceIdSchema, type DeviceId, type ReportId, type TenantId } from '../../contracts/ids.ts';
import { getReportOperation, listReportsOperation } from '../../contracts/operations/history.ts';
import { defaultPolicy } from '../../contracts/policy.ts';
import { effective } from '../../engine/effective/effective.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { keysFor } from './artifact-filter.ts';
import { Conditions } from './conditions.ts';
import type { Client, QueryDatabase } from './database.ts';
import { entriesInForce } from './in-force.ts';
import { Pages, wireTime } from './paging.ts';
import { reportColumns, reportItem, type ReportRow } from './report-rows.ts';

type ReportOutcome = z.input<typeof reportOutcomeSchema>;
type ReportView = z.input<typeof reportViewSchema>;
type Verdict = ReportOutcome['verdict'];

/** History follows the log by a moment; a device that asks at once is not told that its report is unknown. */
const patienceMs = 2_000;
const askAgainMs = 100;

export function reportRoutes(database: QueryDatabase): readonly Route[] {
  return [
    route(listReportsOperation, async ({ query, principal }) => {
      const pages = new Pages(query, 'reports', principal.tenantId, query);
      const { place } = pages;
      const rows = await database.asTenant(principal.tenantId, async (client) => {
        const where = new Conditions()
          .between('recorded_at', query.from, query.to)
          .any('artifact_key', await keysFor(client, query.artifact))
          .any('artifact_kind', query.kind)
          .any('device_id', query.device, 'uuid')
          .any('detection_source', query.detectionSource)
          .any('local_action', query.localAction)
          .behind(place, 'recorded_at', 'report_id');
        const text = `select ${reportColumns} from history.reports where ${where.toString()}
          order by recorded_at desc, report_id desc limit ${pages.rows}`;
        return (await client.query<ReportRow>(text, where.values)).rows;
      });
      const page = pages.of(rows, (row) => ({ at: row.recorded_at, id: row.report_id }), reportItem);
      return { status: 200, json: page };
    }),
    route(getReportOperation, async ({ params: { id }, principal, signal }) => {
      const { tenantId } = principal;
      if (principal.kind === 'person')
        return { status: 200, json: existing(await findReportView(database, tenantId, id)) };
      const find = () => findReportOutcome(database, tenantId, principal.deviceId, id);
      return { status: 200, json: existing(await untilRecorded(find, signal)) };
    }),
  ];
}

/** @returns what became of a report of a device; null when history does not have it (yet) */
export async function findReportOutcome(
  database: QueryDatabase,
  tenantId: TenantId,
  deviceId: DeviceId,
  id: ReportId,
): Promise<ReportOutcome | null> {
  return database.asTenant(tenantId, async (client) => {
    const { rows } = await client.query<ReportRow & { readonly now: Date }>(
      `select ${reportColumns}, clock_timestamp() as now from history.reports where report_id = $1 and device_id = $2
        order by reported_at desc limit 1`,
      [id, deviceId],
    );
    const row = rows[0];
    if (row === undefined) return null;
    const key = artifactKeySchema.parse(row.artifact_key);
    const entries = await entriesInForce(client, key, deviceId);
    const device = { deviceId, runningMode: 'active' } as const;
    const { entry } = effective(entries, defaultPolicy, device, wireTime(row.now));
    return {
      id: row.report_id,
      '@timestamp': wireTime(row.reported_at),
      artifact: key,
      verdict: strongestVerdict(entries) ?? (await latestVerdict(client, key, deviceId)),
      entry,
      acceptedAt: wireTime(row.accepted_at),
    };
  });
}

async function findReportView(
  database: QueryDatabase,
  tenantId: TenantId,
  id: ReportId,
): Promise<ReportView | null> {
  return database.asTenant(tenantId, async (client) => {
    const { rows } = await client.query<
      ReportRow & { readonly body: { readonly report: ReportView['report'] } }
    >(
      `select ${reportColumns}, body from history.reports where report_id = $1 order by recorded_at desc limit 1`,
      [id],
    );
    const row = rows[0];
    if (row === undefined) return null;
    const key = artifactKeySchema.parse(row.artifact_key);
    const deviceId = deviceIdSchema.parse(row.device_id);
    const entries = await entriesInForce(client, key, deviceId);
    const verdict = strongestVerdict(entries) ?? (await latestVerdict(client, key, deviceId));
    return { ...reportItem(row), report: row.body.report, verdict };
  });
}

/** What the decided entries in force say; an analyst's own entry changes what is done, not what was found. */
function strongestVerdict(entries: readonly Entry[]): Verdict | null {
  const verdicts = entries.flatMap((entry) => (entry.source === 'decision' ? [entry.verdict] : []));
  return verdictSchema.options.find((verdict) => verdicts.includes(verdict)) ?? null;
}

/** Without an entry the last decision speaks, for the device or its tenant. */
async function latestVerdict(client: Client, key: ArtifactKey, deviceId: DeviceId): Promise<Verdict> {
  const { rows } = await client.query<{ verdict: Verdict }>(
    `select verdict from history.decisions where artifact_key = $1 and (reach <> 'device' or device_id = $2)
      order by recorded_at desc limit 1`,
    [key, deviceId],
  );
  return rows[0]?.verdict ?? 'pending';
}

async function untilRecorded<T>(find: () => Promise<T | null>, signal: AbortSignal): Promise<T | null> {
  for (let leftMs = patienceMs; ; leftMs -= askAgainMs) {
    const found = await find();
    if (found !== null || leftMs <= 0 || signal.aborted) return found;
    await sleep(askAgainMs, undefined, { signal }).catch(() => undefined);
  }
}

function existing<T>(found: T | null): T {
  if (found === null) throw new FirebreakError('FB_NOT_FOUND', 'There is no such report.');
  return found;
}
