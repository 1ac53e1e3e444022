import type { z } from 'zod';
import { FirebreakError } from '../../contracts/errors.ts';
import {
  deleteSampleOperation,
  getSampleOperation,
  listSamplesOperation,
} from '../../contracts/operations/samples.ts';
import type { sampleItemSchema } from '../../contracts/sample.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { actorOf, audit } from './audit.ts';
import { Conditions } from './conditions.ts';
import type { QueryDatabase } from './database.ts';
import { Pages, wireTime, wireTimeOrNull } from './paging.ts';

type SampleItem = z.input<typeof sampleItemSchema>;

interface SampleRow {
  readonly id: string;
  readonly sha256: string;
  readonly size_bytes: string;
  readonly file_name: string | null;
  readonly device_id: string;
  readonly report_id: string;
  readonly state: SampleItem['state'];
  readonly stored_at: Date;
  readonly analysed_at: Date | null;
  readonly expires_at: Date;
  readonly findings: SampleItem['findings'];
  readonly recorded_at: Date;
}

const columns =
  "id, encode(sha256, 'hex') as sha256, size_bytes, file_name, device_id, report_id, state, stored_at, analysed_at, expires_at, findings, recorded_at";
const unknown = () => new FirebreakError('FB_NOT_FOUND', 'The organization has no such sample.');

/** What is known of the samples of a tenant. Their bytes are nobody's to see here: the database refuses them. */
export function sampleRoutes(database: QueryDatabase): readonly Route[] {
  return [
    route(listSamplesOperation, async ({ query, principal }) => {
      const pages = new Pages(query, 'samples', principal.tenantId, query);
      const where = new Conditions()
        .between('recorded_at', query.from, query.to)
        .any("encode(sha256, 'hex')", query.sha256)
        .any('state', query.state)
        .any('device_id', query.device, 'uuid')
        .behind(pages.place, 'recorded_at', 'id');
      const text = `select ${columns} from samples.samples where ${where.toString()} order by recorded_at desc, id desc limit ${pages.rows}`;
      const { rows } = await database.asTenant(principal.tenantId, (client) =>
        client.query<SampleRow>(text, where.values),
      );
      const page = pages.of(rows, (row) => ({ at: row.recorded_at, id: row.id }), sampleItem);
      return { status: 200, json: page };
    }),
    route(getSampleOperation, async ({ params: { sha256 }, principal }) => {
      const { rows } = await database.asTenant(principal.tenantId, (client) =>
        client.query<SampleRow>(`select ${columns} from samples.samples where sha256 = decode($1, 'hex')`, [
          sha256,
        ]),
      );
      if (rows[0] === undefined) throw unknown();
      return { status: 200, json: sampleItem(rows[0]) };
    }),
    route(deleteSampleOperation, async ({ params: { sha256 }, principal }) => {
      const { tenantId } = principal;
      await database.asTenant(tenantId, async (client) => {
        const { rows } = await client.query<{ id: string }>(
          "delete from samples.samples where sha256 = decode($1, 'hex') returning id",
          [sha256],
        );
        if (rows[0] === undefined) throw unknown();
        await audit(client, {
          tenantId,
          actor: actorOf(principal),
          action: 'sample.deleted',
          subject: `file:sha256:${sha256}`,
          details: { id: rows[0].id },
        });
      });
      return { status: 204 };
    }),
  ];
}

function sampleItem(row: SampleRow): SampleItem {
  return {
    id: row.id,
    artifact: `file:sha256:${row.sha256}`,
    size: Number(row.size_bytes),
    fileName: row.file_name,
    deviceId: row.device_id,
    reportId: row.report_id,
    state: row.state,
    storedAt: wireTime(row.stored_at),
    analysedAt: wireTimeOrNull(row.analysed_at),
    expiresAt: wireTime(row.expires_at),
    findings: row.findings,
    recordedAt: wireTime(row.recorded_at),
  };
}
