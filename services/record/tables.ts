import { topics } from '../../contracts/topics.ts';
import { arrayLiteral, type ArrayItem } from '../../platform/postgres/array-literal.ts';
import { decisionRow, type DecisionRow } from './decision-row.ts';
import { entryRow, type EntryRow } from './entry-row.ts';
import type { RecordedValue } from './recorded-value.ts';
import { reportRow, type ReportRow } from './report-row.ts';
import type { DatabasePool } from '../../platform/postgres/pool.ts';

/** How the records of one topic become rows. */
export interface HistoryTable<Row> {
  readonly topic: string;
  /** @returns null where there is nothing to write; throws where the record cannot be read */
  readonly rowOf: (record: RecordedValue) => Row | null;
  /** Rows of the same identity are one row: the table keeps the first. */
  readonly identityOf: (row: Row) => string;
  /** One statement, and so one transaction. Writing the same rows again changes nothing. */
  readonly write: (pool: Pick<DatabasePool, 'query'>, rows: readonly Row[]) => Promise<void>;
}

/**
 * Bodies travel as one text with a line each: as an array every quote of the JSON would be escaped, which costs the
 * client more than everything else.
 */
function lines(bodies: readonly string[]): string {
  return bodies.join('\n');
}

/** Widens the recorded range of the days that a batch wrote to; `inserted` has the day's own time and recorded_at. */
function widenZones(parent: 'reports' | 'decisions', time: 'reported_at' | 'accepted_at'): string {
  return `
update history.zones z
   set first_recorded_at = least(z.first_recorded_at, i.first_at),
       last_recorded_at = greatest(z.last_recorded_at, i.last_at + interval '1 minute')
  from (select (${time} at time zone 'UTC')::date as day, min(recorded_at) as first_at, max(recorded_at) as last_at
          from inserted group by 1) i
 where z.parent = '${parent}' and z.day = i.day
   and (z.last_recorded_at is null or z.last_recorded_at < i.last_at or z.first_recorded_at > i.first_at)`;
}

/** Now, unless the row says when. */
const recordedAt = 'coalesce(to_timestamp(recorded_ms / 1000), clock_timestamp())::timestamptz(3)';

const insertReports = `
with input as materialized (
  select u.*, to_timestamp(reported_ms / 1000)::timestamptz(3) as reported_at, to_timestamp(accepted_ms / 1000) as accepted_at,
         ${recordedAt} as recorded_at
    from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::float8[], $5::float8[], $6::text[], $7::text[], $8::text[], $9::text[],
                $10::bool[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], string_to_array($17::text, E'\\n'),
                $18::float8[])
      as u (tenant_id, device_id, report_id, reported_ms, accepted_ms, artifact_key, artifact_kind, detection_source, local_action,
            clock_suspect, file_name, name_key, sha1, md5, signer, signer_key, body, recorded_ms)
), inserted as (
  insert into history.reports (tenant_id, device_id, report_id, reported_at, accepted_at, artifact_key, artifact_kind,
                               detection_source, local_action, clock_suspect, file_name, body, recorded_at)
  select tenant_id, device_id, report_id, reported_at, accepted_at, artifact_key, artifact_kind,
         detection_source, local_action, clock_suspect, file_name, body::json, recorded_at
    from input
  on conflict (report_id, device_id, reported_at) do nothing
  returning device_id, report_id, reported_at, recorded_at
), zoned as (${widenZones('reports', 'reported_at')}
)
insert into history.sightings as s (artifact_key, tenant_id, name_key, file_name, sha1, md5, signer, signer_key, reports, first_seen_at, last_seen_at, recorded_at)
select artifact_key, tenant_id, name_key, min(file_name), min(sha1), min(md5), min(signer), min(signer_key),
       count(*), min(accepted_at), max(accepted_at), min(inserted.recorded_at)
  from input join inserted using (device_id, report_id, reported_at)
 group by artifact_key, tenant_id, name_key
 order by artifact_key, tenant_id, name_key
on conflict (artifact_key, tenant_id, name_key) do update
   set reports = s.reports + excluded.reports,
       first_seen_at = least(s.first_seen_at, excluded.first_seen_at),
       last_seen_at = greatest(s.last_seen_at, excluded.last_seen_at),
       sha1 = coalesce(s.sha1, excluded.sha1),
       md5 = coalesce(s.md5, excluded.md5),
       signer = coalesce(s.signer, excluded.signer),
       signer_key = coalesce(s.signer_key, excluded.signer_key)`;

export const reportTable: HistoryTable<ReportRow> = {
  topic: topics.reports.name,
  rowOf: reportRow,
  identityOf: (row) => `${row.deviceId} ${row.reportId} ${row.reportedAtMs}`,
  write: async (pool, rows) => {
    const column = columnsOf(rows);
    await pool.query({
      name: 'insert-reports',
      text: insertReports,
      values: [
        column((row) => row.tenantId),
        column((row) => row.deviceId),
        column((row) => row.reportId),
        column((row) => row.reportedAtMs),
        column((row) => row.acceptedAtMs),
        column((row) => row.artifactKey),
        column((row) => row.artifactKind),
        column((row) => row.detectionSource),
        column((row) => row.localAction),
        column((row) => row.clockSuspect),
        column((row) => row.fileName),
        column((row) => row.nameKey),
        column((row) => row.sha1),
        column((row) => row.md5),
        column((row) => row.signer),
        column((row) => row.signerKey),
        lines(rows.map((row) => row.body)),
        column((row) => row.recordedAtMs),
      ],
    });
  },
};

/**
 * A report that a device sent again, because it had no answer, was accepted at two times and is answered at both under one
 * id (what puts an entry in force has a revision of its own). The days are kept apart by that time, so their key cannot
 * tell: who sends again does so within a day.
 */
const insertDecisions = `
with inserted as (
insert into history.decisions (decision_id, accepted_at, decided_at, expires_at, tenant_id, device_id, report_id, entry_id, revision,
                               artifact_key, artifact_kind, reach, verdict, action, block_from, severity, reason_code, threat_name,
                               detection_source, file_name, classifiers, body, shared_body, recorded_at)
select decision_id, to_timestamp(accepted_ms / 1000), to_timestamp(decided_ms / 1000), to_timestamp(expires_ms / 1000),
       tenant_id, device_id, report_id, entry_id, revision, artifact_key, artifact_kind, reach, verdict, action, block_from, severity,
       reason_code, threat_name, detection_source, file_name, string_to_array(classifiers, ' '), body::json, nullif(shared_body, '')::json,
       ${recordedAt}
  from unnest($1::uuid[], $2::float8[], $3::float8[], $4::float8[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[], $9::integer[],
              $10::text[], $11::text[], $12::text[], $13::text[], $14::text[], $15::text[], $16::text[], $17::text[], $18::text[],
              $19::text[], $20::text[], $21::text[], string_to_array($22::text, E'\\n'), string_to_array($23::text, E'\\n'), $24::float8[])
    as u (decision_id, accepted_ms, decided_ms, expires_ms, tenant_id, device_id, report_id, entry_id, revision, artifact_key,
          artifact_kind, reach, verdict, action, block_from, severity, reason_code, threat_name, detection_source, file_name,
          classifiers, body, shared_body, recorded_ms)
  left join lateral (
    select 1 as known from history.decisions d
     where u.revision = 0 and d.decision_id = u.decision_id
       and d.accepted_at between to_timestamp(u.accepted_ms / 1000) - interval '1 day' and to_timestamp(u.accepted_ms / 1000) + interval '1 day'
     limit 1) earlier on true
 where earlier.known is null
on conflict (decision_id, accepted_at) do nothing
returning accepted_at, recorded_at
)${widenZones('decisions', 'accepted_at')}`;

/** @param k from how many tenants on counts are told to others */
export function decisionTable(k: number): HistoryTable<DecisionRow> {
  return {
    topic: topics.decisions.name,
    rowOf: (record) => decisionRow(record, k),
    identityOf: (row) => `${row.decisionId} ${row.revision === 0 ? '' : row.acceptedAtMs}`,
    write: async (pool, rows) => {
      const column = columnsOf(rows);
      await pool.query({
        name: 'insert-decisions',
        text: insertDecisions,
        values: [
          column((row) => row.decisionId),
          column((row) => row.acceptedAtMs),
          column((row) => row.decidedAtMs),
          column((row) => row.expiresAtMs),
          column((row) => row.tenantId),
          column((row) => row.deviceId),
          column((row) => row.reportId),
          column((row) => row.entryId),
          column((row) => row.revision),
          column((row) => row.artifactKey),
          column((row) => row.artifactKind),
          column((row) => row.reach),
          column((row) => row.verdict),
          column((row) => row.action),
          column((row) => row.blockFrom),
          column((row) => row.severity),
          column((row) => row.reasonCode),
          column((row) => row.threatName),
          column((row) => row.detectionSource),
          column((row) => row.fileName),
          column((row) => row.classifiers),
          lines(rows.map((row) => row.body)),
          lines(rows.map((row) => row.sharedBody ?? '')),
          column((row) => row.recordedAtMs),
        ],
      });
    },
  };
}

const upsertEntries = `
insert into history.entries as e (entry_id, tenant_id, device_id, artifact_key, revision, revoked, ends_at, body, recorded_at)
select entry_id, tenant_id, device_id, artifact_key, revision, revoked, to_timestamp(ends_ms / 1000), body::json, ${recordedAt}
  from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::integer[], $6::bool[], $7::float8[], string_to_array($8::text, E'\\n'),
              $9::float8[])
    as u (entry_id, tenant_id, device_id, artifact_key, revision, revoked, ends_ms, body, recorded_ms)
on conflict (entry_id) do update
   set revision = excluded.revision, revoked = excluded.revoked, ends_at = excluded.ends_at, body = excluded.body,
       recorded_at = excluded.recorded_at
 where e.revision < excluded.revision`;

export const entryTable: HistoryTable<EntryRow> = {
  topic: topics.verdicts.name,
  rowOf: entryRow,
  identityOf: (row) => `${row.entryId} ${row.revision}`,
  write: async (pool, rows) => {
    const entries = latest(rows);
    const column = columnsOf(entries);
    await pool.query({
      name: 'upsert-entries',
      text: upsertEntries,
      values: [
        column((row) => row.entryId),
        column((row) => row.tenantId),
        column((row) => row.deviceId),
        column((row) => row.artifactKey),
        column((row) => row.revision),
        column((row) => row.revoked),
        column((row) => row.endsAtMs),
        lines(entries.map((row) => row.body)),
        column((row) => row.recordedAtMs),
      ],
    });
  },
};

/** One statement may touch a row once. The first record of a revision counts. */
function latest(rows: readonly EntryRow[]): readonly EntryRow[] {
  const byId = new Map<string, EntryRow>();
  for (const row of rows) {
    const known = byId.get(row.entryId);
    if (known === undefined || known.revision < row.revision) byId.set(row.entryId, row);
  }
  return [...byId.values()];
}

function columnsOf<Row>(rows: readonly Row[]): (value: (row: Row) => ArrayItem) => string {
  return (value) => arrayLiteral(rows.map(value));
}
