import type { z } from 'zod';
import { artifactKeySchema, type ArtifactKey } from '../../contracts/artifact.ts';
import { kindOfKey } from '../../contracts/canonical.ts';
import type { Entry } from '../../contracts/entry.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import type { artifactDeviceSchema, artifactItemSchema, artifactViewSchema } from '../../contracts/http.ts';
import {
  getArtifactOperation,
  listArtifactDevicesOperation,
  listArtifactsOperation,
} from '../../contracts/operations/history.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { searchKey } from '../../platform/postgres/text.ts';
import { keysFor } from './artifact-filter.ts';
import { Conditions } from './conditions.ts';
import type { Client, QueryDatabase } from './database.ts';
import { entriesInForce } from './in-force.ts';
import { Pages, wireTime } from './paging.ts';
import { relationsOf, type Relation } from './relations.ts';
import { reportColumns, reportItem, type ReportRow } from './report-rows.ts';
import { selectVerdicts, verdictItem, type VerdictRow } from './verdict-rows.ts';

type ArtifactView = z.input<typeof artifactViewSchema>;

const mostNames = 20;
const mostDecisions = 100;
const mostReports = 20;
const mostRelations = 100;

/** @param k from how many tenants on counts of others are told */
export function artifactRoutes(database: QueryDatabase, k: number): readonly Route[] {
  return [
    route(getArtifactOperation, async ({ params: { key }, principal }) => {
      const view = await database.asTenant(principal.tenantId, (client) => artifactView(client, key, k));
      if (view === null) throw new FirebreakError('FB_NOT_FOUND', 'Nothing is known of this artifact.');
      return { status: 200, json: view };
    }),
    route(listArtifactsOperation, async ({ query, principal }) => {
      if (!query.hash && !query.fileName && !query.signer) throw nothingAsked();
      const pages = new Pages(query, 'artifacts', principal.tenantId, query);
      const { place } = pages;
      const rows = await database.asTenant(principal.tenantId, async (client) => {
        const where = new Conditions()
          .any('artifact_key', await keysFor(client, query.hash))
          .any('name_key', query.fileName?.map(searchKey))
          .any('signer_key', query.signer?.map(searchKey));
        const behind = new Conditions(where).behind(place, 'min(recorded_at)', 'artifact_key', 'text');
        const text = `select artifact_key, min(file_name) as file_name, sum(reports)::float8 as reports,
            max(last_seen_at) as last_seen_at, min(recorded_at) as recorded_at
          from history.sightings where ${where.toString()} group by artifact_key having ${behind.toString()}
          order by min(recorded_at) desc, artifact_key desc limit ${pages.rows}`;
        return (await client.query<ArtifactRow>(text, where.values)).rows;
      });
      const page = pages.of(rows, (row) => ({ at: row.recorded_at, id: row.artifact_key }), artifactItem);
      return { status: 200, json: page };
    }),
    route(listArtifactDevicesOperation, async ({ params: { key }, query, principal }) => {
      const pages = new Pages(query, 'artifact-devices', principal.tenantId, key);
      const where = new Conditions().add(key, (value) => `r.artifact_key = ${value}`);
      const behind = new Conditions(where).behind(pages.place, 'min(r.recorded_at)', 'r.device_id');
      const text = `with seen as (
          select r.device_id, count(*)::int as reports, min(r.accepted_at) as first_seen_at, max(r.accepted_at) as last_seen_at,
                 min(r.recorded_at) as recorded_at
            from history.reports r where ${where.toString()} group by r.device_id having ${behind.toString()}
           order by min(r.recorded_at) desc, r.device_id desc limit ${pages.rows})
        select seen.*, d.host from seen left join config.devices d on d.id = seen.device_id
         order by seen.recorded_at desc, seen.device_id desc`;
      const { rows } = await database.asTenant(principal.tenantId, (client) =>
        client.query<DeviceRow>(text, where.values),
      );
      const page = pages.of(rows, (row) => ({ at: row.recorded_at, id: row.device_id }), artifactDevice);
      return { status: 200, json: page };
    }),
  ];
}

interface ArtifactRow {
  readonly artifact_key: string;
  readonly file_name: string | null;
  readonly reports: number;
  readonly last_seen_at: Date;
  readonly recorded_at: Date;
}

function artifactItem(row: ArtifactRow): z.input<typeof artifactItemSchema> {
  return {
    key: row.artifact_key,
    kind: kindOfKey(artifactKeySchema.parse(row.artifact_key)),
    fileName: row.file_name,
    reports: row.reports,
    lastSeenAt: wireTime(row.last_seen_at),
  };
}

interface DeviceRow {
  readonly device_id: string;
  readonly host: { readonly name?: string; readonly hostname?: string } | null;
  readonly reports: number;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
  readonly recorded_at: Date;
}

function artifactDevice(row: DeviceRow): z.input<typeof artifactDeviceSchema> {
  return {
    deviceId: row.device_id,
    hostName: row.host?.name ?? row.host?.hostname ?? null,
    reports: row.reports,
    firstSeenAt: wireTime(row.first_seen_at),
    lastSeenAt: wireTime(row.last_seen_at),
  };
}

interface SightingRow {
  readonly file_name: string | null;
  readonly sha1: string | null;
  readonly md5: string | null;
  readonly signer: string | null;
  readonly first_seen_at: Date;
  readonly last_seen_at: Date;
}

/** @returns null when the tenant has not seen it, nobody decided on it, and too few know it for a count */
async function artifactView(client: Client, key: ArtifactKey, k: number): Promise<ArtifactView | null> {
  const sightings = await client.query<SightingRow>(
    `select file_name, sha1, md5, signer, min(first_seen_at) over () as first_seen_at, max(last_seen_at) over () as last_seen_at
       from history.sightings where artifact_key = $1 order by reports desc limit ${mostNames}`,
    [key],
  );
  const inForce: readonly Entry[] = await entriesInForce(client, key, null);
  const ecosystem = await prevalence(client, key, k);
  if (sightings.rows.length === 0 && inForce.length === 0 && ecosystem === null) return null;
  const { reports, relations } = await latestReports(client, key);
  const where = new Conditions().add(key, (value) => `artifact_key = ${value}`);
  const timeline = await client.query<VerdictRow>(selectVerdicts(where, mostDecisions, false), where.values);
  return {
    key,
    kind: kindOfKey(key),
    fileNames: sightings.rows.flatMap(({ file_name: name }) => (name === null ? [] : [name])),
    hashes: hashesOf(key, sightings.rows),
    signer: sightings.rows.find(({ signer }) => signer !== null)?.signer ?? null,
    own: {
      devices: await ownDevices(client, key),
      firstSeenAt: timeOf(sightings.rows[0]?.first_seen_at),
      lastSeenAt: timeOf(sightings.rows[0]?.last_seen_at),
    },
    ecosystem,
    inForce: [...inForce],
    timeline: timeline.rows.map(verdictItem),
    reports: [...reports],
    relations: [...relations],
  };
}

async function ownDevices(client: Client, key: ArtifactKey): Promise<number> {
  const { rows } = await client.query<{ devices: number }>(
    'select count(distinct device_id)::int as devices from history.reports where artifact_key = $1',
    [key],
  );
  return rows[0]?.devices ?? 0;
}

async function prevalence(client: Client, key: ArtifactKey, k: number): Promise<ArtifactView['ecosystem']> {
  const { rows } = await client.query<{
    tenants: number;
    devices: number;
    first_seen_at: Date;
    last_seen_at: Date;
  }>(
    'select tenants, devices, first_seen_at, last_seen_at from history.prevalence where artifact_key = $1 and tenants >= $2',
    [key, k],
  );
  const row = rows[0];
  if (row === undefined) return null;
  const { tenants, devices } = row;
  return { tenants, devices, firstSeenAt: timeOf(row.first_seen_at), lastSeenAt: timeOf(row.last_seen_at) };
}

async function latestReports(
  client: Client,
  key: ArtifactKey,
): Promise<{ readonly reports: ArtifactView['reports']; readonly relations: readonly Relation[] }> {
  const { rows } = await client.query<ReportRow & { readonly body: Pick<AcceptedReport, 'report'> }>(
    `select ${reportColumns}, body from history.reports where artifact_key = $1 order by recorded_at desc limit ${mostReports}`,
    [key],
  );
  const relations = new Map<string, Relation>();
  for (const { body } of rows)
    for (const relation of relationsOf(body.report))
      if (relation.key !== key) relations.set(`${relation.relation} ${relation.key}`, relation);
  return { reports: rows.map(reportItem), relations: [...relations.values()].slice(0, mostRelations) };
}

function hashesOf(key: ArtifactKey, rows: readonly SightingRow[]): Record<string, string> {
  const [, algorithm, digest] = key.split(':');
  const own = algorithm !== undefined && digest !== undefined && !/^(?:domain|ip):/.test(key);
  const sha1 = rows.find((row) => row.sha1 !== null)?.sha1;
  const md5 = rows.find((row) => row.md5 !== null)?.md5;
  return { ...(md5 && { md5 }), ...(sha1 && { sha1 }), ...(own && { [algorithm]: digest }) };
}

function timeOf(date: Date | undefined): string | null {
  return date === undefined ? null : wireTime(date);
}

function nothingAsked(): FirebreakError {
  return new FirebreakError('FB_QUERY_INVALID', 'Name a `hash`, a `fileName` or a `signer`.', {
    errors: [{ pointer: 'hash', detail: 'One of hash, fileName, signer is needed.' }],
  });
}
