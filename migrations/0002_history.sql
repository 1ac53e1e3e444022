-- History: a view of the log, written by record alone, and the only schema that may be dropped and built again.
-- Bodies are json, not jsonb: U+0000 and lone surrogates in hostile reports must be kept, and jsonb refuses them.

create schema history;
grant usage on schema history to firebreak_writer, firebreak_tenant, firebreak_shared;
grant usage on schema config to firebreak_shared;

-- What a device observed. Partitioned by the device's own time, which is the same in every replay.
create table history.reports (
  tenant_id uuid not null,
  device_id uuid not null,
  report_id uuid not null,
  reported_at timestamptz(3) not null,
  accepted_at timestamptz(3) not null,
  recorded_at timestamptz(3) not null default clock_timestamp(),
  artifact_key text not null,
  artifact_kind text not null,
  detection_source text not null,
  local_action text not null,
  clock_suspect boolean not null,
  file_name text,
  body json not null,
  primary key (report_id, device_id, reported_at)
) partition by range (reported_at);
alter table history.reports alter column body set storage external;
create index reports_page on history.reports (tenant_id, recorded_at desc, report_id desc);
create index reports_artifact on history.reports (artifact_key, tenant_id);
create table history.reports_default partition of history.reports default;

-- One decision. `body` is the whole record for its own tenant; `shared_body`, where it reaches everybody, is what the
-- others may know of it, redacted before it is written.
create table history.decisions (
  decision_id uuid not null,
  accepted_at timestamptz(3) not null,
  recorded_at timestamptz(3) not null default clock_timestamp(),
  decided_at timestamptz(3) not null,
  expires_at timestamptz(3) not null,
  tenant_id uuid not null,
  device_id uuid not null,
  report_id uuid not null,
  entry_id uuid not null,
  revision integer not null,
  artifact_key text not null,
  artifact_kind text not null,
  reach text not null,
  verdict text not null,
  action text not null,
  block_from text not null,
  severity text not null,
  reason_code text not null,
  threat_name text,
  detection_source text,
  file_name text,
  classifiers text[] not null,
  body json not null,
  shared_body json,
  primary key (decision_id, accepted_at),
  check ((reach = 'ecosystem') = (shared_body is not null))
) partition by range (accepted_at);
-- Compressing a body costs more than all indexes together; they are stored as they are.
alter table history.decisions alter column body set storage external, alter column shared_body set storage external;
create index decisions_page on history.decisions (tenant_id, recorded_at desc, decision_id desc);
create index decisions_artifact on history.decisions (artifact_key, tenant_id);
create index decisions_entry on history.decisions (entry_id);
-- Most decisions find nothing; searches are mostly for those that did.
create index decisions_found on history.decisions (tenant_id, recorded_at desc, decision_id desc) where verdict <> 'no-threats-found';
create index decisions_shared on history.decisions (recorded_at desc, decision_id desc) where reach = 'ecosystem';
create table history.decisions_default partition of history.decisions default;

-- Which artifacts a tenant has seen under which name: search, and the proof that a wide decision touched the tenant.
create table history.sightings (
  artifact_key text not null,
  tenant_id uuid not null,
  name_key text not null,
  file_name text,
  sha1 text,
  md5 text,
  signer text,
  signer_key text,
  reports bigint not null,
  first_seen_at timestamptz(3) not null,
  last_seen_at timestamptz(3) not null,
  recorded_at timestamptz(3) not null default clock_timestamp(),
  primary key (artifact_key, tenant_id, name_key)
) with (fillfactor = 80);
create index sightings_name on history.sightings (tenant_id, name_key) where name_key <> '';
create index sightings_signer on history.sightings (tenant_id, signer_key) where signer_key is not null;
create index sightings_sha1 on history.sightings (tenant_id, sha1) where sha1 is not null;
create index sightings_md5 on history.sightings (tenant_id, md5) where md5 is not null;

-- The latest revision of each decided entry, or its revocation. Rows of the ecosystem have no tenant and name none.
create table history.entries (
  entry_id uuid primary key,
  tenant_id uuid,
  device_id uuid,
  artifact_key text not null,
  revision integer not null,
  revoked boolean not null,
  body json not null,
  ends_at timestamptz(3) not null,
  recorded_at timestamptz(3) not null default clock_timestamp()
) with (fillfactor = 80);
create index entries_artifact on history.entries (artifact_key);
create index entries_end on history.entries (ends_at);

-- When the rows of each day's partition were recorded, at most: lists are ordered by recorded_at, and leave out the days
-- that cannot hold a row of their page. The end is written a minute ahead, so that it changes once a minute.
create table history.zones (
  parent text not null,
  day date not null,
  first_recorded_at timestamptz(3),
  last_recorded_at timestamptz(3),
  primary key (parent, day)
);
grant select on history.zones to firebreak_tenant;
grant select, update (first_recorded_at, last_recorded_at) on history.zones to firebreak_writer;

do $$
declare
  name text;
begin
  foreach name in array array['reports', 'reports_default', 'decisions', 'decisions_default', 'sightings', 'entries'] loop
    execute format('alter table history.%I enable row level security, force row level security', name);
  end loop;
  foreach name in array array['reports', 'decisions', 'sightings', 'entries'] loop
    execute format('create policy writer on history.%I to firebreak_writer using (true) with check (true)', name);
  end loop;
  -- Forced security binds the owner too, who drops what is too old.
  foreach name in array array['reports_default', 'decisions_default', 'sightings', 'entries'] loop
    execute format('create policy maintenance on history.%I to current_user using (true) with check (true)', name);
  end loop;
  foreach name in array array['reports', 'decisions', 'sightings'] loop
    execute format('create policy own on history.%I for select to firebreak_tenant using (tenant_id = (select config.current_tenant()))', name);
  end loop;
end $$;
create policy own_and_shared on history.entries for select to firebreak_tenant
  using (tenant_id = (select config.current_tenant()) or (tenant_id is null and (select config.current_tenant()) is not null));
create policy ecosystem on history.decisions for select to firebreak_shared using (reach = 'ecosystem');
create policy counted on history.reports for select to firebreak_shared using (true);
create policy touched on history.sightings for select to firebreak_shared using (tenant_id = (select config.current_tenant()));

grant select on history.reports, history.decisions, history.sightings, history.entries to firebreak_tenant;
grant select (device_id, report_id, reported_at, tenant_id, artifact_key, recorded_at), insert on history.reports to firebreak_writer;
grant select (decision_id, accepted_at, recorded_at), insert on history.decisions to firebreak_writer;
grant select, insert, update, delete on history.sightings, history.entries to firebreak_writer;
grant select (artifact_key, tenant_id, device_id, reported_at, accepted_at) on history.reports to firebreak_shared;
grant select on history.decisions, history.sightings to firebreak_shared;

-- Wide decisions that another tenant's report tipped, for a tenant that has seen the artifact itself.
create view history.shared_decisions with (security_barrier) as
  select d.decision_id, d.accepted_at, d.recorded_at, d.decided_at, d.expires_at, d.entry_id, d.revision, d.artifact_key, d.artifact_kind,
         d.reach, d.verdict, d.action, d.block_from, d.severity, d.reason_code, d.threat_name, d.classifiers, d.shared_body as body
    from history.decisions d
   where d.reach = 'ecosystem'
     and d.tenant_id <> (select config.current_tenant())
     and exists (select from history.sightings s
                  where s.artifact_key = d.artifact_key and s.tenant_id = (select config.current_tenant()));

-- Counts and times of all tenants together, from three tenants on.
create view history.prevalence with (security_barrier) as
  select r.artifact_key,
         count(distinct r.tenant_id)::integer as tenants,
         count(distinct r.device_id)::integer as devices,
         min(r.accepted_at) as first_seen_at,
         max(r.accepted_at) as last_seen_at
    from history.reports r
   where (select config.current_tenant()) is not null
   group by r.artifact_key
  having count(distinct r.tenant_id) >= 3;

alter view history.shared_decisions owner to firebreak_shared;
alter view history.prevalence owner to firebreak_shared;
grant select on history.shared_decisions, history.prevalence to firebreak_tenant;

-- Makes the daily partition of one table unless it is there, with what of that day lies in the default partition.
-- A partition is read through its parent only: it has no policy and no grant of its own.
create function history.make_partition(parent text, by_column text, day date) returns boolean
  language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  name text := parent || '_' || to_char(day, 'YYYYMMDD');
  low timestamptz := day::timestamp at time zone 'UTC';
  high timestamptz := (day + 1)::timestamp at time zone 'UTC';
begin
  if to_regclass(format('history.%I', name)) is not null then
    return false;
  end if;
  execute format('create table history.%I (like history.%I including all)', name, parent);
  execute format('alter table history.%I enable row level security, force row level security', name);
  execute format('with moved as (delete from history.%I where %I >= $1 and %I < $2 returning *) insert into history.%I select * from moved',
                 parent || '_default', by_column, by_column, name) using low, high;
  execute format('insert into history.zones select %L, $1, min(recorded_at), max(recorded_at) from history.%I', parent, name) using day;
  execute format('alter table history.%I attach partition history.%I for values from (%L) to (%L)', parent, name, low, high);
  return true;
end $$;
revoke all on function history.make_partition from public;

-- Makes the partitions from `back_days` ago to `ahead_days` from now, drops those whose whole day is older than
-- `retention_days`, and forgets what else is that old. Run by record, which owns nothing here.
create function history.maintain(back_days integer, ahead_days integer, retention_days integer)
  returns table (made integer, dropped integer)
  language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s' set timezone = 'UTC' as $$
declare
  today date := (clock_timestamp() at time zone 'UTC')::date;
  oldest date := today - retention_days;
  target text;
  old_table text;
begin
  if back_days < 0 or ahead_days < 1 or retention_days <= back_days then
    raise exception 'maintain(%, %, %): retention must exceed the look-back', back_days, ahead_days, retention_days;
  end if;
  made := 0;
  dropped := 0;
  foreach target in array array['reports', 'decisions'] loop
    for offset_days in -back_days..ahead_days loop
      if history.make_partition(target, case target when 'reports' then 'reported_at' else 'accepted_at' end, today + offset_days) then
        made := made + 1;
      end if;
    end loop;
    for old_table in
      select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = format('history.%I', target)::regclass
         and c.relname ~ ('^' || target || '_\d{8}$')
         and to_date(right(c.relname, 8), 'YYYYMMDD') < oldest
    loop
      execute format('drop table history.%I', old_table);
      delete from history.zones z where z.parent = target and z.day = to_date(right(old_table, 8), 'YYYYMMDD');
      dropped := dropped + 1;
    end loop;
    execute format('delete from history.%I where accepted_at < $1', target || '_default') using oldest::timestamptz;
  end loop;
  delete from history.sightings where last_seen_at < oldest::timestamptz;
  delete from history.entries where ends_at < oldest::timestamptz;
  return next;
end $$;
revoke all on function history.maintain from public;
grant execute on function history.maintain to firebreak_writer;
