import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { FirebreakError } from '../../contracts/errors.ts';
import { streamOperation } from '../../contracts/operations/publish.ts';
import { decodeCursor, type Cursor } from '../../engine/stream/cursor.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { catchUp } from './catch-up.ts';
import type { PublishedState } from './published-state.ts';
import { Subscriber, type SubscriberDependencies } from './subscriber.ts';

export interface StreamDependencies extends SubscriberDependencies {
  readonly logIdentity: string;
  /** @throws FB_NOT_READY, FB_SUBSCRIBERS_FULL */
  readonly admit: () => void;
}

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
