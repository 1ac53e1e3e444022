-- Who let which version of a classifier decide, or ended its trial, when and why. The newest row of a classifier is what
-- is in force, and reaches all processes through the outbox. Nobody may change or delete what stands here.
create table config.classifier_choices (
  classifier text not null,
  version integer not null,
  action text not null check (action in ('promote', 'drop')),
  model_version text not null,
  line_up json not null,
  made_by text not null,
  comment text not null,
  made_at timestamptz(3) not null default clock_timestamp(),
  primary key (classifier, version)
);
alter table config.classifier_choices enable row level security, force row level security;
create policy operator on config.classifier_choices to firebreak_config using (true) with check (true);
grant select, insert on config.classifier_choices to firebreak_config;

-- It concerns no tenant, or all of them.
alter table config.outbox alter column tenant_id drop not null;

-- What analysts said of an artifact: the only truth that a comparison of two versions can be held against.
grant select (artifact_key, action, end_reason) on config.overrides to firebreak_config;
