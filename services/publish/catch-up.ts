import type { HeldChange, TouchedRow } from '../../engine/stream/entry-table.ts';
import { orderFlush } from '../../engine/stream/phases.ts';
import type { PublishedState } from './published-state.ts';
import { changeFrame, frame } from './frames.ts';
import type { Caller } from './scope.ts';
import type { Subscriber, SubscriberDependencies } from './subscriber.ts';

/** What is sent in one go; more is sent as the connection takes it. */
const bytesAtOnce = 128 * 1024;
const longestPasses = 10;

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
  const holdings = state.scopesOf(caller).flatMap(({ table }) => table.held(row.id) ?? []);
  const isBefore = ({ mark }: HeldChange): boolean => mark.offset < (until[mark.partition] ?? 0);
  if (!holdings.every(isBefore)) return undefined;
  return holdings.find(({ revision, phase }) => revision === row.revision && phase === row.phase);
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

/**
 * Sends what was missed, then goes live, without a gap and without a change twice. A long list is sent as the
 * connection takes it, up to where the publisher's last cut was; what moved on meanwhile makes the next, shorter list.
 * The last list and going live are one turn of the event loop. No checkpoint stands in between, so the subscriber
 * applies all of it at once.
 */
export async function catchUp(
  subscriber: Pick<Subscriber, 'caller' | 'ended' | 'receive' | 'drained' | 'goLive' | 'resync'>,
  cursor: readonly number[],
  { state, publisher }: Pick<SubscriberDependencies, 'state' | 'publisher'>,
): Promise<void> {
  let from = cursor;
  for (let pass = 1; pass <= longestPasses && !subscriber.ended; pass += 1) {
    publisher.settle();
    const until = publisher.cutPositions;
    const slices = missedFrames(subscriber.caller, from, until, state);
    let slice = slices.next();
    if (!slice.done) {
      subscriber.receive(slice.value);
      slice = slices.next();
    }
    if (slice.done) {
      subscriber.goLive();
      return;
    }
    for (; !slice.done && !subscriber.ended; slice = slices.next()) {
      await subscriber.drained();
      subscriber.receive(slice.value);
    }
    await subscriber.drained();
    from = until;
  }
  subscriber.resync('too-slow');
}

/** @returns the frames of what was missed, in slices, each rendered when it is asked for */
function* missedFrames(
  caller: Caller,
  from: readonly number[],
  until: readonly number[],
  state: PublishedState,
): Generator<string, undefined> {
  const policy = state.policyBetween(caller.tenantId, from, until);
  let slice = policy === undefined ? '' : frame('policy', JSON.stringify({ revision: policy }));
  for (const row of missedRows(state, caller, from, until)) {
    const change = heldBefore(state, caller, row, until);
    if (change === undefined) continue;
    slice += changeFrame(change, state.origins.for(change.id, caller.deviceId));
    if (slice.length < bytesAtOnce) continue;
    yield slice;
    slice = '';
  }
  if (slice !== '') yield slice;
}
