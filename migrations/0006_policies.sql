-- How the devices of an organization use entries. No row: the defaults of contracts/policy.ts, which are revision 0.
create table config.policies (
  tenant_id uuid primary key references config.tenants,
  revision integer not null check (revision > 0),
  settings json not null,
  changed_at timestamptz(3) not null default clock_timestamp()
);
alter table config.policies enable row level security, force row level security;
create policy own on config.policies to firebreak_tenant
  using (tenant_id = (select config.current_tenant())) with check (tenant_id = (select config.current_tenant()));
grant select, insert, update (revision, settings, changed_at) on config.policies to firebreak_tenant;
