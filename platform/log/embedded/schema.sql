-- The embedded log's own database. Run at every start, under the writer's lock; every statement may run again.

create table if not exists log_writer (
  singleton boolean primary key default true check (singleton),
  -- Raised when older code must not touch the tables any more.
  format int not null,
  -- Raised by every process that becomes the writer: who reconnects and finds another number has been replaced.
  epoch bigint not null
);
insert into log_writer (format, epoch) values (1, 0) on conflict do nothing;

create table if not exists topic (
  id int generated always as identity primary key,
  name text not null unique,
  partitions int not null check (partitions > 0),
  retention_ms bigint,
  compaction_min_lag_ms bigint
);

create table if not exists topic_partition (
  topic_id int not null references topic,
  partition int not null,
  next_offset bigint not null default 0,
  appended_at bigint not null default 0,
  -- Below it retention has taken everything.
  low_water bigint not null default 0,
  primary key (topic_id, partition)
) with (fillfactor = 30);

create table if not exists group_offset (
  group_name text not null,
  topic_id int not null references topic,
  partition int not null,
  next_offset bigint not null,
  primary key (group_name, topic_id, partition)
) with (fillfactor = 30);

-- One segment holds what a topic got in one period (a day); dropping its table `batch_<id>` is how records go.
create table if not exists segment (
  id int generated always as identity primary key,
  topic_id int not null references topic,
  period bigint not null,
  -- By partition: the end that it had when the segment was made.
  starts bigint[] not null,
  -- Made by compaction: nothing but last values, as of when it was made.
  is_compacted boolean not null default false,
  unique (topic_id, period)
);

create table if not exists batch (
  segment_id int not null,
  partition int not null,
  next_offset bigint not null,
  frames bytea not null,
  primary key (segment_id, partition, next_offset)
) partition by list (segment_id);
alter table batch alter column frames set storage external;

-- Where the last record of every key of the compacted topics is. Small rows that are updated in place, without an
-- index on what changes: at a million keys that is a third of what it costs to keep the values here. The key is
-- SHA-256 of its UTF-8, cut to 16 bytes.
create table if not exists last_offset (
  topic_id int not null references topic,
  partition int not null,
  key_digest bytea not null,
  record_offset bigint not null,
  tombstone_at bigint,
  primary key (topic_id, partition, key_digest)
) with (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.1);

-- One flush: all or nothing. The payload comes once; rows and keys are cut out of it here, by positions that
-- count from 1. Raises unique_violation (23505) when an end is not where the writer believes it to be.
create or replace function append_flush(
  payload bytea, stamped_at bigint,
  end_topics int[], end_partitions int[], end_bases bigint[], end_nexts bigint[],
  row_segments int[], row_partitions int[], row_nexts bigint[], row_froms int[], row_lengths int[],
  key_topics int[], key_partitions int[], key_offsets bigint[], key_froms int[], key_lengths int[], key_tombstones boolean[],
  commit_groups text[], commit_topics int[], commit_partitions int[], commit_offsets bigint[]
) returns void language plpgsql as $$
declare
  moved int;
begin
  if cardinality(end_topics) > 0 then
    update topic_partition as stored set next_offset = wanted.next, appended_at = stamped_at
      from unnest(end_topics, end_partitions, end_bases, end_nexts) as wanted (topic_id, partition, base, next)
      where stored.topic_id = wanted.topic_id and stored.partition = wanted.partition and stored.next_offset = wanted.base;
    get diagnostics moved = row_count;
    if moved <> cardinality(end_topics) then
      raise unique_violation using message = 'another writer has moved the end of a partition';
    end if;
    insert into batch (segment_id, partition, next_offset, frames)
      select given.segment_id, given.partition, given.next, substring(payload from given.start for given.length)
      from unnest(row_segments, row_partitions, row_nexts, row_froms, row_lengths)
        as given (segment_id, partition, next, start, length);
  end if;
  if cardinality(key_topics) > 0 then
    insert into last_offset (topic_id, partition, key_digest, record_offset, tombstone_at)
      select given.topic_id, given.partition, substring(sha256(substring(payload from given.start for given.length)) for 16),
        given.record_offset, case when given.is_tombstone then stamped_at end
      from unnest(key_topics, key_partitions, key_offsets, key_froms, key_lengths, key_tombstones)
        as given (topic_id, partition, record_offset, start, length, is_tombstone)
    on conflict (topic_id, partition, key_digest) do update
      set record_offset = excluded.record_offset, tombstone_at = excluded.tombstone_at;
  end if;
  if cardinality(commit_topics) > 0 then
    insert into group_offset (group_name, topic_id, partition, next_offset)
      select * from unnest(commit_groups, commit_topics, commit_partitions, commit_offsets)
    on conflict (group_name, topic_id, partition) do update set next_offset = excluded.next_offset;
  end if;
end
$$;
