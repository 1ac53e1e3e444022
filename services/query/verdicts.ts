import { decisionRecordSchema } from '../../contracts/decision.ts';
import { discloseDecision, type DisclosedDecision } from '../../contracts/disclosure.ts';
import { entrySchema, type Entry } from '../../contracts/entry.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import type { EntryId, TenantId } from '../../contracts/ids.ts';
import {
  getRevisionOperation,
  getVerdictOperation,
  listVerdictsOperation,
} from '../../contracts/operations/history.ts';
import { explain } from '../../engine/decide/explain.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { keysFor } from './artifact-filter.ts';
import { Conditions } from './conditions.ts';
import type { Client, QueryDatabase } from './database.ts';
import { Pages, wireTime } from './paging.ts';
import { exportFormat, exportReply } from './verdict-export.ts';
import { selectVerdicts, verdictItem, type VerdictRow } from './verdict-rows.ts';
import { newestRows } from './zones.ts';

const mostRevisions = 1000;

/** @param k from how many tenants on counts of others are told */
export function verdictRoutes(database: QueryDatabase, k: number): readonly Route[] {
  return [
    route(listVerdictsOperation, async ({ query, principal, headers }) => {
      const pages = new Pages(query, 'verdicts', principal.tenantId, query);
      const { place } = pages;
      const rows = await database.asTenant(principal.tenantId, async (client) => {
        const where = new Conditions()
          .between('recorded_at', query.from, query.to)
          .any('artifact_key', await keysFor(client, query.artifact))
          .any('artifact_kind', query.kind)
          .any('verdict', query.verdict)
          .any('action', query.action)
          .any('reach', query.reach)
          .any('device_id', query.device, 'uuid')
          .any('detection_source', query.detectionSource)
          .any('threat_name', query.threatName)
          .any('severity', query.severity)
          .add(query.classifier, (classifiers) => `classifiers && ${classifiers}::text[]`)
          .behind(place, 'recorded_at', 'decision_id');
        const ownOnly = query.device !== undefined || query.detectionSource !== undefined;
        return newestRows(client, {
          parent: 'decisions',
          dayColumn: 'accepted_at',
          from: query.from,
          until: place?.at ?? query.to,
          rows: pages.rows,
          select: async (skip) =>
            (await client.query<VerdictRow>(selectVerdicts(where, pages.rows, ownOnly, skip), where.values))
              .rows,
        });
      });
      const page = pages.of(rows, (row) => ({ at: row.recorded_at, id: row.id }), verdictItem);
      const format = exportFormat(headers.accept);
      if (format === null) return { status: 200, json: page };
      return exportReply(format, page.items, page.next === null ? null : pageUrl(query, page.next));
    }),
    route(getVerdictOperation, async ({ params: { id }, principal }) => {
      const { revisions, current } = await database.asTenant(principal.tenantId, async (client) => {
        const where = new Conditions().add(id, (value) => `entry_id = ${value}`);
        const { rows } = await client.query<VerdictRow>(
          selectVerdicts(where, mostRevisions, false),
          where.values,
        );
        return { revisions: rows.map(verdictItem), current: await currentEntry(client, id) };
      });
      const newest = revisions[0];
      if (newest === undefined) throw notFound();
      const { artifact, reach } = newest;
      return { status: 200, json: { id, artifact, reach, inForce: current !== null, current, revisions } };
    }),
    route(getRevisionOperation, async ({ params: { id, revision }, principal }) => {
      const { tenantId } = principal;
      const view = await database.asTenant(tenantId, (client) =>
        decisionView(client, tenantId, id, revision, k),
      );
      if (view === null) throw notFound();
      return { status: 200, json: view };
    }),
  ];
}

async function currentEntry(client: Client, id: EntryId): Promise<Entry | null> {
  const { rows } = await client.query<{ body: unknown }>(
    'select body from history.entries where entry_id = $1 and not revoked and ends_at > clock_timestamp()',
    [id],
  );
  return rows[0] === undefined ? null : entrySchema.parse(rows[0].body);
}

/** The first record of a revision counts; of answers, which all have revision 0, the last. */
async function decisionView(
  client: Client,
  tenantId: TenantId,
  id: EntryId,
  revision: number,
  k: number,
): Promise<(DisclosedDecision & { readonly sumText: string; readonly recordedAt: string }) | null> {
  const order = `where entry_id = $1 and revision = $2 order by recorded_at ${revision === 0 ? 'desc' : 'asc'} limit 1`;
  const own = await client.query<{ body: unknown; recorded_at: Date }>(
    `select body, recorded_at from history.decisions ${order}`,
    [id, revision],
  );
  const row = own.rows[0];
  if (row !== undefined)
    return viewOf(discloseDecision(decisionRecordSchema.parse(row.body), tenantId, k), row.recorded_at);
  const shared = await client.query<{ body: DisclosedDecision; recorded_at: Date }>(
    `select body, recorded_at from history.shared_decisions ${order}`,
    [id, revision],
  );
  const other = shared.rows[0];
  return other === undefined ? null : viewOf(other.body, other.recorded_at);
}

function viewOf(decision: DisclosedDecision, recordedAt: Date) {
  return { ...decision, sumText: explain(decision), recordedAt: wireTime(recordedAt) };
}

/** @returns path and query of the next page */
function pageUrl(query: Readonly<Record<string, unknown>>, next: string): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, after: next })) {
    if (value === undefined) continue;
    for (const item of Array.isArray(value) ? (value as unknown[]) : [value])
      parameters.append(name, String(item));
  }
  return `/v1/verdicts?${parameters.toString()}`;
}

function notFound(): FirebreakError {
  return new FirebreakError('FB_NOT_FOUND', 'There is no such verdict.');
}
