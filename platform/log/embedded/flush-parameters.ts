import type { Flush } from './batch-store.ts';

/**
 * The parameters of `append_flush` in `schema.sql`, in its order. Arrays go as text of our own making: the driver
 * would quote every number.
 *
 * @param segments the segment of each topic in the flush
 */
export function flushParameters(flush: Flush, segments: ReadonlyMap<number, number>): unknown[] {
  const { payload, appendedAt, batches, keys, commits } = flush;
  const rows = batches.flatMap(({ topicId, partition, rows: parts }) =>
    parts.map((part) => ({ ...part, partition, segmentId: segments.get(topicId) ?? 0 })),
  );
  return [
    payload,
    appendedAt,
    array(batches, ({ topicId }) => topicId),
    array(batches, ({ partition }) => partition),
    array(batches, ({ base }) => base),
    array(batches, ({ end }) => end),
    array(rows, ({ segmentId }) => segmentId),
    array(rows, ({ partition }) => partition),
    array(rows, ({ end }) => end),
    array(rows, ({ from }) => from + 1),
    array(rows, ({ from, to }) => to - from),
    array(keys, ({ topicId }) => topicId),
    array(keys, ({ partition }) => partition),
    array(keys, ({ offset }) => offset),
    array(keys, ({ from }) => from + 1),
    array(keys, ({ from, to }) => to - from),
    array(keys, ({ isTombstone }) => (isTombstone ? 't' : 'f')),
    commits.map(({ group }) => group),
    array(commits, ({ topicId }) => topicId),
    array(commits, ({ partition }) => partition),
    array(commits, ({ offset }) => offset),
  ];
}

function array<T>(items: readonly T[], pick: (item: T) => number | string): string {
  return `{${items.map(pick).join(',')}}`;
}
