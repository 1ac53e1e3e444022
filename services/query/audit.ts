import { v7 as uuidv7 } from 'uuid';
import type { z } from 'zod';
import type { auditItemSchema } from '../../contracts/http.ts';
import type { TenantId } from '../../contracts/ids.ts';
import { listAuditLogOperation } from '../../contracts/operations/overrides.ts';
import { route, type Principal, type Route } from '../../platform/http/route.ts';
import { storableText } from '../../platform/postgres/text.ts';
import { Conditions } from './conditions.ts';
import type { Client, QueryDatabase } from './database.ts';
import { Pages, wireTime } from './paging.ts';

export interface AuditEntry {
  readonly tenantId: TenantId;
  readonly actor: string;
  /** `<thing>.<what happened>` */
  readonly action: string;
  /** Id or key of what changed. */
  readonly subject: string;
  readonly comment?: string;
  readonly details?: Readonly<Record<string, unknown>>;
}

/** Writes down a change in its own transaction. */
export async function audit(client: Client, entry: AuditEntry): Promise<void> {
  await client.query(
    'insert into config.audit_log (id, tenant_id, actor, action, subject, comment, details) values ($1, $2, $3, $4, $5, $6, $7)',
    [
      uuidv7(),
      entry.tenantId,
      storableText(entry.actor),
      entry.action,
      entry.subject,
      entry.comment === undefined ? null : storableText(entry.comment),
      JSON.stringify(entry.details ?? {}),
    ],
  );
}

/** @returns who acts, as the audit log names it */
export function actorOf(principal: Extract<Principal, { kind: 'person' | 'operator' }>): string {
  return principal.kind === 'operator' ? 'operator' : `${principal.name} (${principal.tokenId})`;
}

interface AuditRow {
  readonly id: string;
  readonly at: Date;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly comment: string | null;
  readonly details: Record<string, unknown>;
  readonly recorded_at: Date;
}

export function auditRoutes(database: QueryDatabase): readonly Route[] {
  return [
    route(listAuditLogOperation, async ({ query, principal }) => {
      const pages = new Pages(query, 'audit-log', principal.tenantId, query);
      const where = new Conditions()
        .between('recorded_at', query.from, query.to)
        .any('action', query.action)
        .any('subject', query.subject)
        .behind(pages.place, 'recorded_at', 'id');
      const text = `select id, at, actor, action, subject, comment, details, recorded_at from config.audit_log
        where ${where.toString()} order by recorded_at desc, id desc limit ${pages.rows}`;
      const { rows } = await database.asTenant(principal.tenantId, (client) =>
        client.query<AuditRow>(text, where.values),
      );
      return { status: 200, json: pages.of(rows, (row) => ({ at: row.recorded_at, id: row.id }), auditItem) };
    }),
  ];
}

function auditItem(row: AuditRow): z.input<typeof auditItemSchema> {
  const { recorded_at: recordedAt, at, ...rest } = row;
  return { ...rest, at: wireTime(at), recordedAt: wireTime(recordedAt) };
}
