import type pg from 'pg';
import type { TopicSpec } from '../log.ts';
import type { StoredCommit, StoredEnd, StoredTopic } from './batch-store.ts';

/** Tables of compactions that did not come to their end. */
export const dropUnfinished = `do $$
declare
  unfinished text;
begin
  for unfinished in
    select relname from pg_class where relkind = 'r' and relname ~ '^batch_\\d+$'
      and substring(relname from 7)::int not in (select id from segment)
  loop
    execute format('drop table %I', unfinished);
  end loop;
end
$$`;

/** Not put out by an attempt before that came through although its answer did not. @returns the number of the topic */
export async function insertTopic(client: pg.Client, spec: TopicSpec): Promise<number> {
  const { rows } = await client.query<{ id: number }>(
    `insert into topic (name, partitions, retention_ms, compaction_min_lag_ms) values ($1, $2, $3, $4)
     on conflict (name) do update set name = excluded.name returning id`,
    [spec.name, spec.partitions, spec.retentionMs, spec.compaction?.minLagMs ?? null],
  );
  const id = rows[0]?.id ?? 0;
  await client.query(
    'insert into topic_partition (topic_id, partition) select $1, generate_series(0, $2 - 1) on conflict do nothing',
    [id, spec.partitions],
  );
  return id;
}

export async function loadTopics(client: pg.Client): Promise<readonly StoredTopic[]> {
  const { rows } = await client.query<{
    id: number;
    name: string;
    partitions: number;
    retention_ms: string | null;
    compaction_min_lag_ms: string | null;
  }>('select * from topic order by id');
  return rows.map((row) => ({
    id: row.id,
    name: row.name,
    partitions: row.partitions,
    retentionMs: row.retention_ms === null ? null : Number(row.retention_ms),
    compaction: row.compaction_min_lag_ms === null ? null : { minLagMs: Number(row.compaction_min_lag_ms) },
  }));
}

export async function loadEnds(client: pg.Client): Promise<readonly StoredEnd[]> {
  const { rows } = await client.query<{
    topic_id: number;
    partition: number;
    next_offset: string;
    appended_at: string;
  }>('select topic_id, partition, next_offset, appended_at from topic_partition');
  return rows.map((row) => ({
    topicId: row.topic_id,
    partition: row.partition,
    end: Number(row.next_offset),
    appendedAt: Number(row.appended_at),
  }));
}

export async function loadCommits(client: pg.Client): Promise<readonly StoredCommit[]> {
  const { rows } = await client.query<{
    group_name: string;
    topic_id: number;
    partition: number;
    next_offset: string;
  }>('select * from group_offset');
  return rows.map((row) => ({
    group: row.group_name,
    topicId: row.topic_id,
    partition: row.partition,
    offset: Number(row.next_offset),
  }));
}
