-- Files that devices sent because they were asked for. Rows describe them; pieces hold the bytes, encrypted by the
-- service (platform/samples), which PostgreSQL never sees in the clear. A sample belongs to the tenant that sent it: the
-- same bytes of another tenant are another row, under another key.
--   firebreak_samples   ingest and analyse: takes in, reads and changes samples of the tenant that firebreak.tenant names
--   firebreak_tenant    people: sees what is known of a sample, never a piece, and deletes it

do $$
begin
  if not exists (select from pg_roles where rolname = 'firebreak_samples') then
    create role firebreak_samples nologin noinherit;
  end if;
  execute format('grant connect on database %I to firebreak_samples', current_database());
end $$;

create schema samples;
grant usage on schema samples to firebreak_samples, firebreak_tenant;
grant usage on schema config to firebreak_samples;

create table samples.samples (
  id uuid primary key,
  tenant_id uuid not null,
  sha256 bytea not null check (octet_length(sha256) = 32),
  -- While it comes in: what is set aside for it.
  size_bytes bigint not null,
  device_id uuid not null,
  report_id uuid not null,
  reported_at timestamptz(3) not null,
  file_name text,
  state text not null default 'uploading' check (state in ('uploading', 'stored', 'analysed', 'failed')),
  -- The sample's own key, wrapped by the key of the service that key_id names.
  key_id text not null,
  wrapped_key bytea not null,
  stored_at timestamptz(3) not null default clock_timestamp(),
  -- When the log had it.
  announced_at timestamptz(3),
  -- Counted before the analyser begins: what brought it down is not tried for ever.
  attempts integer not null default 0,
  analysed_at timestamptz(3),
  findings json,
  expires_at timestamptz(3) not null,
  recorded_at timestamptz(3) not null default clock_timestamp()
);
-- A tenant stores the same bytes once. Several may be on their way: the first one that is whole stays.
create unique index samples_once on samples.samples (tenant_id, sha256) where state <> 'uploading';
create index samples_page on samples.samples (tenant_id, recorded_at desc, id desc) where state <> 'uploading';
create index samples_expiry on samples.samples (expires_at);
create index samples_owed on samples.samples (stored_at) where announced_at is null;

create table samples.pieces (
  sample_id uuid not null references samples.samples on delete cascade,
  tenant_id uuid not null,
  number integer not null,
  data bytea not null,
  primary key (sample_id, number)
);
-- Ciphertext does not compress.
alter table samples.pieces alter column data set storage external;

do $$
declare
  name text;
begin
  foreach name in array array['samples', 'pieces'] loop
    execute format('alter table samples.%I enable row level security, force row level security', name);
    execute format('create policy keeper on samples.%I to firebreak_samples using (tenant_id = (select config.current_tenant())) with check (tenant_id = (select config.current_tenant()))', name);
    -- Forced security binds the owner too, who deletes what has expired.
    execute format('create policy maintenance on samples.%I to current_user using (true) with check (true)', name);
  end loop;
end $$;
create policy own on samples.samples to firebreak_tenant using (tenant_id = (select config.current_tenant()) and state <> 'uploading');

grant select, insert, update, delete on samples.samples to firebreak_samples;
grant select, insert on samples.pieces to firebreak_samples;
grant select (id, tenant_id, sha256, size_bytes, device_id, report_id, file_name, state, stored_at, analysed_at, findings, expires_at, recorded_at), delete
  on samples.samples to firebreak_tenant;

-- Deletes what has expired and what never became whole, some of it at a time: deleting is writing. Run by ingest, which
-- otherwise sees one tenant at a time. `abandoned_after_ms` is longer than any upload takes.
create function samples.expire(most integer, abandoned_after_ms bigint) returns table (expired integer, abandoned integer)
  language plpgsql security definer set search_path = pg_catalog, pg_temp set lock_timeout = '5s' as $$
begin
  with gone as (
    delete from samples.samples where id in (
      select id from samples.samples where expires_at <= clock_timestamp() and state <> 'uploading' order by expires_at limit most for update skip locked
    ) returning 1
  ) select count(*)::integer into expired from gone;
  with gone as (
    delete from samples.samples where id in (
      select id from samples.samples
       where state = 'uploading' and stored_at < clock_timestamp() - abandoned_after_ms * interval '1 millisecond' limit most for update skip locked
    ) returning 1
  ) select count(*)::integer into abandoned from gone;
  return next;
end $$;

-- Samples that are stored and that the log may not have: their tenant and id alone.
create function samples.owed(most integer, after_ms bigint) returns table (tenant_id uuid, id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select s.tenant_id, s.id from samples.samples s
     where s.announced_at is null and s.state <> 'uploading' and s.stored_at < clock_timestamp() - after_ms * interval '1 millisecond'
     order by s.stored_at limit most;
  end;

-- Samples whose key is wrapped by one of these keys, which are no longer in use: their tenant and id alone.
create function samples.wrapped_by(most integer, key_ids text[]) returns table (tenant_id uuid, id uuid)
  language sql stable security definer set search_path = pg_catalog, pg_temp
  begin atomic
    select s.tenant_id, s.id from samples.samples s where s.key_id = any(key_ids) and s.state <> 'uploading' limit most;
  end;

revoke all on function samples.expire, samples.owed, samples.wrapped_by from public;
grant execute on function samples.expire, samples.owed, samples.wrapped_by to firebreak_samples;
