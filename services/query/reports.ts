import type { z } from 'zod';
import { artifactKeySchema } from '../../contracts/artifact.ts';
import type { Entry } from '../../contracts/entry.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import type { reportViewSchema } from '../../contracts/http.ts';
import { verdictSchema } from '../../contracts/domain.ts';
import { deviceIdSchema, type ReportId, type TenantId } from '../../contracts/ids.ts';
import { getReportOperation, listReportsOperation } from '../../contracts/operations/history.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { latestVerdict } from '../../platform/postgres/recorded-report.ts';
import { keysFor } from './artifact-filter.ts';
import { Conditions } from './conditions.ts';
import type { QueryDatabase } from './database.ts';
import { entriesInForce } from './in-force.ts';
import { Pages } from './paging.ts';
import { reportColumns, reportItem, type ReportRow } from './report-rows.ts';
import { newestRows } from './zones.ts';

type ReportView = z.input<typeof reportViewSchema>;
type Verdict = ReportView['verdict'];

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
        const select = async (skip: string): Promise<readonly ReportRow[]> => {
          const text = `select ${reportColumns} from history.reports where ${where.toString()} and ${skip}
            order by recorded_at desc, report_id desc limit ${pages.rows}`;
          return (await client.query<ReportRow>(text, where.values)).rows;
        };
        return newestRows(client, {
          parent: 'reports',
          dayColumn: 'reported_at',
          from: query.from,
          until: place?.at ?? query.to,
          rows: pages.rows,
          select,
        });
      });
      const page = pages.of(rows, (row) => ({ at: row.recorded_at, id: row.report_id }), reportItem);
      return { status: 200, json: page };
    }),
    route(getReportOperation, async ({ params: { id }, principal }) => {
      const report = await findReport(database, principal.tenantId, id);
      if (report === null) throw new FirebreakError('FB_NOT_FOUND', 'There is no such report.');
      return { status: 200, json: report };
    }),
  ];
}

async function findReport(
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
    const verdict = strongestVerdict(entries) ?? (await latestVerdict(client, key, deviceId)) ?? 'pending';
    return { ...reportItem(row), report: row.body.report, verdict };
  });
}

/** What the decided entries in force say; an analyst's own entry changes what is done, not what was found. */
function strongestVerdict(entries: readonly Entry[]): Verdict | null {
  const verdicts = entries.flatMap((entry) => (entry.source === 'decision' ? [entry.verdict] : []));
  return verdictSchema.options.find((verdict) => verdicts.includes(verdict)) ?? null;
}
