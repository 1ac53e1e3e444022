-- Configuration is born here and reaches everybody through the outbox and the topic control.v1.
-- Roles are made without login; platform/postgres/roles.ts gives them theirs, so that no secret stands in this file.
--   firebreak_config   authentication, enrolment, operator, outbox relay: configuration of all tenants, no history
--   firebreak_tenant   people of one tenant: rows of the tenant named by the setting firebreak.tenant, nothing without it
--   firebreak_writer   record: writes history, cannot see configuration
--   firebreak_shared   owns the views through which a tenant sees what others may know; nobody logs in as it

do $$
declare
  name text;
begin
  foreach name in array array['firebreak_config', 'firebreak_tenant', 'firebreak_writer', 'firebreak_shared'] loop
    if not exists (select from pg_roles where rolname = name) then
      execute format('create role %I nologin noinherit', name);
    end if;
  end loop;
  execute format('revoke all on database %I from public', current_database());
  execute format('grant connect on database %I to firebreak_config, firebreak_tenant, firebreak_writer', current_database());
end $$;
revoke all on schema public from public;

create schema config;
grant usage on schema config to firebreak_config, firebreak_tenant;

-- The tenant of the session; null, and so no row, when it is not set. Policies wrap it in a sub-select: evaluated once.
create function config.current_tenant() returns uuid
  language sql stable parallel safe
  return nullif(current_setting('firebreak.tenant', true), '')::uuid;

create table config.tenants (
  id uuid primary key,
  name text not null,
  trust text not null default 'new' check (trust in ('new', 'established', 'suspended')),
  version integer not null default 1,
  created_at timestamptz(3) not null default clock_timestamp()
);
create index tenants_page on config.tenants (created_at desc, id desc);

create table config.tokens (
  id uuid primary key,
  tenant_id uuid not null references config.tenants,
  name text not null,
  role text not null check (role in ('viewer', 'analyst', 'admin')),
  secret_hash bytea not null unique,
  version integer not null default 1,
  expires_at timestamptz(3),
  created_at timestamptz(3) not null default clock_timestamp(),
  revoked_at timestamptz(3),
  last_used_at timestamptz(3)
);
create index tokens_page on config.tokens (tenant_id, created_at desc, id desc);

create table config.enrollment_keys (
  id uuid primary key,
  tenant_id uuid not null references config.tenants,
  name text not null,
  secret_hash bytea not null unique,
  tags text[] not null default '{}',
  max_uses integer check (max_uses > 0),
  uses integer not null default 0,
  expires_at timestamptz(3),
  created_at timestamptz(3) not null default clock_timestamp(),
  revoked_at timestamptz(3)
);
create index enrollment_keys_page on config.enrollment_keys (tenant_id, created_at desc, id desc);

-- JSON columns are json, not jsonb: devices may send U+0000 and lone surrogates, which jsonb refuses.
create table config.devices (
  id uuid primary key,
  tenant_id uuid not null references config.tenants,
  installation_id text not null,
  status text not null default 'active' check (status in ('active', 'offboarded')),
  version integer not null default 1,
  host json not null,
  agent json not null,
  capabilities json not null,
  running_mode text not null,
  agent_status json,
  tags text[] not null default '{}',
  created_at timestamptz(3) not null default clock_timestamp(),
  last_seen_at timestamptz(3),
  unique (tenant_id, installation_id)
);
create index devices_page on config.devices (tenant_id, created_at desc, id desc);

-- A credential that its successor retired stays, expired, so that the device is told `expired` and not `unknown`.
create table config.device_credentials (
  id uuid primary key,
  tenant_id uuid not null references config.tenants,
  device_id uuid not null references config.devices,
  secret_hash bytea not null unique,
  created_at timestamptz(3) not null default clock_timestamp(),
  first_used_at timestamptz(3),
  expires_at timestamptz(3)
);
create index device_credentials_device on config.device_credentials (device_id, created_at desc);

create table config.overrides (
  id uuid primary key,
  tenant_id uuid not null references config.tenants,
  entry_id uuid not null,
  revision integer not null default 1,
  artifact_key text not null,
  action text not null,
  targets json not null,
  targets_hash bytea not null,
  expires_at timestamptz(3),
  restore boolean not null,
  comment text not null,
  created_at timestamptz(3) not null default clock_timestamp(),
  created_by text not null,
  ended_at timestamptz(3),
  end_reason text check (end_reason in ('withdrawn', 'expired')),
  check ((ended_at is null) = (end_reason is null))
);
-- One at a time for an artifact and its targets: a second one is a new revision of the first.
create unique index overrides_in_force on config.overrides (tenant_id, artifact_key, targets_hash) where ended_at is null;
create index overrides_page on config.overrides (tenant_id, created_at desc, id desc);
create index overrides_expiry on config.overrides (expires_at) where ended_at is null and expires_at is not null;

-- Control records on their way to control.v1: written in the transaction of the change, deleted when the log has them.
create table config.outbox (
  id bigint generated always as identity primary key,
  tenant_id uuid not null,
  record json not null,
  created_at timestamptz(3) not null default clock_timestamp()
);

-- Nobody may change or delete what stands here.
create table config.audit_log (
  id uuid primary key,
  tenant_id uuid not null references config.tenants,
  at timestamptz(3) not null default clock_timestamp(),
  actor text not null,
  action text not null,
  subject text not null,
  comment text,
  details json not null default '{}',
  recorded_at timestamptz(3) not null default clock_timestamp()
);
create index audit_log_page on config.audit_log (tenant_id, recorded_at desc, id desc);

alter table config.tenants enable row level security, force row level security;
create policy own on config.tenants to firebreak_tenant using (id = (select config.current_tenant()));
create policy all_tenants on config.tenants to firebreak_config using (true) with check (true);
do $$
declare
  name text;
begin
  foreach name in array array['tokens', 'enrollment_keys', 'devices', 'device_credentials', 'overrides', 'outbox', 'audit_log'] loop
    execute format('alter table config.%I enable row level security, force row level security', name);
    execute format('create policy own on config.%I to firebreak_tenant using (tenant_id = (select config.current_tenant())) with check (tenant_id = (select config.current_tenant()))', name);
    execute format('create policy all_tenants on config.%I to firebreak_config using (true) with check (true)', name);
  end loop;
end $$;

grant select on config.tenants, config.devices, config.overrides, config.audit_log to firebreak_tenant;
grant select (id, tenant_id, name, role, version, expires_at, created_at, revoked_at, last_used_at), insert, update (revoked_at, version)
  on config.tokens to firebreak_tenant;
grant select (id, tenant_id, name, tags, max_uses, uses, expires_at, created_at, revoked_at), insert, update (revoked_at)
  on config.enrollment_keys to firebreak_tenant;
grant update (tags, status, version) on config.devices to firebreak_tenant;
grant insert, update on config.overrides to firebreak_tenant;
grant insert on config.outbox, config.audit_log to firebreak_tenant;

grant select, insert, update (name, trust, version) on config.tenants to firebreak_config;
grant select, insert, update (last_used_at) on config.tokens to firebreak_config;
grant select, insert, update (uses) on config.enrollment_keys to firebreak_config;
grant select, insert, update on config.devices, config.device_credentials to firebreak_config;
grant select, insert, delete on config.outbox to firebreak_config;
grant insert on config.audit_log to firebreak_config;
-- Enough to find what has expired; ending it is done as the tenant.
grant select (id, tenant_id, expires_at, ended_at) on config.overrides to firebreak_config;
