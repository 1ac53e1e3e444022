import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../../contracts/errors.ts';
import { streamOperation } from '../../contracts/operations/publish.ts';
import { decodeCursor, type Cursor } from '../../engine/stream/cursor.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { heldBefore, missedRows } from './catch-up.ts';
import { changeFrame, frame } from './frames.ts';
import type { PublishedState } from './published-state.ts';
import type { Caller } from './scope.ts';
import { Subscriber, type SubscriberDependencies } from './subscriber.ts';

export interface StreamDependencies extends SubscriberDependencies {
  readonly logIdentity: string;
  /** @throws FB_NOT_READY, FB_SUBSCRIBERS_FULL */
  readonly admit: () => void;
}

/** What is sent in one go; more is sent as the connection takes it. */
const bytesAtOnce = 128 * 1024;
const longestPasses = 10;
/** How long a cursor may be ahead of this instance, which may read the log a moment later than another. */
const aheadPatienceMs = 3000;

/** @throws FirebreakError FB_CURSOR_INVALID */
export function readCursor(text: string, logIdentity: string): Cursor {
  const cursor = decodeCursor(text, logIdentity);
  if (cursor !== null) return cursor;
  throw new FirebreakError(
    'FB_CURSOR_INVALID',
    'The cursor cannot be read, or is one of another service: take a snapshot.',
  );
}

/** What a cursor is good for at this instance. */
export function judgeCursor(
  cursor: Cursor,
  state: PublishedState,
  nowMs: number,
  cursorLifeMs: number,
): 'fine' | 'ahead' | 'too-old' {
  const { positions } = state;
  if (cursor.offsets.length !== positions.length) return 'too-old';
  if (nowMs - cursor.issuedAtMs > cursorLifeMs) return 'too-old';
  return cursor.offsets.some((offset, partition) => offset > (positions[partition] ?? 0)) ? 'ahead' : 'fine';
}

/** Waits until this instance has read as far as the cursor; @returns the last judgement */
export async function awaitCursor(
  cursor: Cursor,
  { state, now, limits }: Pick<StreamDependencies, 'state' | 'now' | 'limits'>,
): Promise<'fine' | 'ahead' | 'too-old'> {
  const untilMs = now() + aheadPatienceMs;
  for (;;) {
    const judgement = judgeCursor(cursor, state, now(), limits.cursorLifeMs);
    if (judgement !== 'ahead' || now() >= untilMs) return judgement;
    await sleep(limits.flushIntervalMs);
  }
}

export function streamRoute(dependencies: StreamDependencies): Route {
  return route(streamOperation, async ({ principal, query, headers }) => {
    dependencies.admit();
    const lastEventId = headers['last-event-id'];
    const text = typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : query.cursor;
    const cursor = text === undefined ? null : readCursor(text, dependencies.logIdentity);
    const { tenantId, deviceId } = principal;
    return {
      take: (response: ServerResponse) => {
        void serve(new Subscriber(response, { tenantId, deviceId }, dependencies), cursor, dependencies);
      },
    };
  });
}

async function serve(subscriber: Subscriber, cursor: Cursor | null, deps: StreamDependencies): Promise<void> {
  if (cursor === null) {
    subscriber.resync('no-cursor');
    return;
  }
  const judgement = await awaitCursor(cursor, deps);
  if (judgement === 'fine') await catchUp(subscriber, cursor.offsets, deps);
  else subscriber.resync(judgement === 'ahead' ? 'cursor-ahead' : 'cursor-too-old');
}

/**
 * Sends what was missed, then goes live, without a gap and without a change twice. A long list is sent as the
 * connection takes it, up to where the publisher's last cut was; what moved on meanwhile makes the next, shorter list.
 * The last list and going live are one turn of the event loop. No checkpoint stands in between, so the subscriber
 * applies all of it at once.
 */
async function catchUp(
  subscriber: Subscriber,
  cursor: readonly number[],
  { state, publisher }: StreamDependencies,
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
    slice += changeFrame(change, state.originFor(change.id, caller.deviceId));
    if (slice.length < bytesAtOnce) continue;
    yield slice;
    slice = '';
  }
  if (slice !== '') yield slice;
}
