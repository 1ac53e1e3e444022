import type { HeldChange, TouchedRow } from '../../engine/stream/entry-table.ts';
import { orderFlush } from '../../engine/stream/phases.ts';
import type { PublishedState } from './published-state.ts';
import type { Caller } from './scope.ts';

/**
 * What a caller has missed: every entry of its scopes that was touched at or after `from` and before `until`, once, in
 * its present state. After `from`, the result of these and of whatever comes later is the caller's state, because an
 * entry that was not touched is as it was.
 *
 * @param from and `until`: the next offset of each partition
 */
export function missedRows(
  state: PublishedState,
  caller: Caller,
  from: readonly number[],
  until: readonly number[],
): TouchedRow[] {
  return orderFlush(state.scopesOf(caller).flatMap((scope) => scope.table.touchedBetween(from, until)));
}

/**
 * @returns the row as it is sent; undefined when it was touched again at or after `until`: then it comes later, with
 *   what else happened there
 */
export function heldBefore(
  state: PublishedState,
  caller: Caller,
  row: TouchedRow,
  until: readonly number[],
): HeldChange | undefined {
  for (const { table } of state.scopesOf(caller)) {
    const held = table.held(row.id);
    if (held === undefined || held.revision !== row.revision || held.phase !== row.phase) continue;
    return held.mark.offset < (until[held.mark.partition] ?? 0) ? held : undefined;
  }
  return undefined;
}

/**
 * Cuts what was missed into a first page of at most `limit` changes. The entries with the oldest last touch come
 * first, so the offsets in between are a place to go on from: nothing before them is owed any more.
 *
 * @returns the page in the order of a flush, and the offsets behind it
 */
export function firstPage(
  missed: readonly TouchedRow[],
  from: readonly number[],
  until: readonly number[],
  limit: number,
): { readonly page: readonly TouchedRow[]; readonly offsets: readonly number[]; readonly more: boolean } {
  if (missed.length <= limit) return { page: missed, offsets: until, more: false };
  const byAge = [...missed].sort(
    (a, b) => a.mark.partition - b.mark.partition || a.mark.offset - b.mark.offset,
  );
  const next = byAge[limit];
  if (next === undefined) return { page: missed, offsets: until, more: false };
  const offsets = until.map((end, partition) => {
    if (partition < next.mark.partition) return end;
    return partition === next.mark.partition ? next.mark.offset : (from[partition] ?? 0);
  });
  return { page: orderFlush(byAge.slice(0, limit)), offsets, more: true };
}
