-- How far a rebuild of history has come, so that one that was interrupted goes on. It lies beside the rows that the
-- rebuild writes: whoever restores or empties them does the same to this.

create table history.rebuild_positions (
  -- Which log: offsets of another one say nothing.
  log_identity text not null,
  topic text not null,
  partition integer not null,
  next_offset bigint not null,
  primary key (log_identity, topic, partition)
);
grant select, insert, update, delete on history.rebuild_positions to firebreak_writer;
