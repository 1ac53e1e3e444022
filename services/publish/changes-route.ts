import { changesOperation } from '../../contracts/operations/publish.ts';
import type { Changes, StreamEvent } from '../../contracts/stream.ts';
import { digestText } from '../../engine/stream/digest.ts';
import { encodeCursor } from '../../engine/stream/cursor.ts';
import { route, type Route, type RouteReply } from '../../platform/http/route.ts';
import { firstPage, heldBefore, missedRows } from './catch-up.ts';
import { sentJson } from './frames.ts';
import type { Listener } from './listener.ts';
import type { Caller } from './scope.ts';
import { awaitCursor, readCursor, type StreamDependencies } from './stream-route.ts';

/** Keeps one answer below about half a megabyte. */
const changesPerPage = 1000;

/** The stream by long poll: what was missed since the cursor; when that is nothing, what comes within the wait. */
export function changesRoute(dependencies: StreamDependencies): Route {
  return route(changesOperation, async ({ principal, query, signal }) => {
    dependencies.admit();
    const { limits, state, events, publisher } = dependencies;
    const cursor = readCursor(query.cursor, dependencies.logIdentity);
    const caller = { tenantId: principal.tenantId, deviceId: principal.deviceId };
    const judgement = await awaitCursor(cursor, dependencies);
    if (judgement !== 'fine') {
      const reason = judgement === 'ahead' ? 'cursor-ahead' : 'cursor-too-old';
      events.resynced(reason);
      const data = { reason, snapshot: '/v1/snapshot', retryAfterMs: publisher.retryMs() } as const;
      return single(dependencies, caller, { event: 'resync', data }, query.cursor);
    }
    const waitMs = Math.min(query.wait * 1000, limits.longPollMs);
    if (waitMs > 0 && answer(dependencies, caller, cursor.offsets) === null) {
      await nextFlush(dependencies, caller, waitMs, signal);
    }
    const entries = state.offboarding(caller.deviceId);
    if (entries !== undefined) {
      return single(dependencies, caller, { event: 'offboarded', data: { entries } }, query.cursor);
    }
    return (
      answer(dependencies, caller, cursor.offsets) ?? page(dependencies, caller, [], state.positions, false)
    );
  });
}

/** @returns null when nothing was missed */
function answer(deps: StreamDependencies, caller: Caller, from: readonly number[]): RouteReply | null {
  const { state } = deps;
  const until = [...state.positions];
  const policy = state.policyBetween(caller.tenantId, from, until);
  const {
    page: rows,
    offsets,
    more,
  } = firstPage(missedRows(state, caller, from, until), from, until, changesPerPage);
  const changes = rows.flatMap((row) => {
    const change = heldBefore(state, caller, row, until);
    if (change === undefined) return [];
    return [
      `{"event":"${change.event}","data":${sentJson(change, state.origins.for(change.id, caller.deviceId))}}`,
    ];
  });
  if (policy !== undefined && !more)
    changes.push(JSON.stringify({ event: 'policy', data: { revision: policy } }));
  return changes.length === 0 ? null : page(deps, caller, changes, offsets, more);
}

function page(
  { state, now, logIdentity }: StreamDependencies,
  caller: Caller,
  changes: readonly string[],
  offsets: readonly number[],
  more: boolean,
): RouteReply {
  const digest = state.digestOf(caller);
  const rest = {
    cursor: encodeCursor({ issuedAtMs: now(), offsets }, logIdentity),
    count: digest.count,
    digest: digestText(digest),
    more,
  };
  return json(`{"changes":[${changes.join(',')}],${JSON.stringify(rest).slice(1)}`);
}

/** An answer that is one event and leaves the cursor where it was. */
function single(
  { state }: StreamDependencies,
  caller: Caller,
  event: StreamEvent,
  cursor: string,
): RouteReply {
  const digest = state.digestOf(caller);
  const answered: Changes = {
    changes: [event],
    cursor,
    count: digest.count,
    digest: digestText(digest),
    more: false,
  };
  return json(JSON.stringify(answered));
}

function json(content: string): RouteReply {
  return { status: 200, headers: { 'cache-control': 'no-store' }, mediaType: 'application/json', content };
}

/** Resolves at the next flush that concerns the caller, at its off-boarding, when the process stops, or in the end. */
async function nextFlush(
  { publisher }: StreamDependencies,
  caller: Caller,
  waitMs: number,
  signal: AbortSignal,
): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      publisher.listeners.remove(listener);
      resolve();
    };
    const timer = setTimeout(done, waitMs);
    const listener: Listener = {
      caller,
      owesCheckpoint: false,
      receive: done,
      offboard: done,
      dismiss: done,
    };
    signal.addEventListener('abort', done);
    publisher.listeners.add(listener);
  });
}
