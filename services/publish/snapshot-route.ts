import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { FirebreakError } from '../../contracts/errors.ts';
import { snapshotOperation } from '../../contracts/operations/publish.ts';
import { snapshotHeaders } from '../../contracts/stream.ts';
import { route, type Route } from '../../platform/http/route.ts';
import { SnapshotBytes, takeSnapshot } from './snapshot.ts';
import type { StreamDependencies } from './stream-route.ts';

/** Each holds on to a cut of the state until it is read. */
const snapshotsAtOnce = 64;
/** A reader that takes nothing for this long is dropped, so that it cannot hold its cut for ever. */
const stallMs = 30_000;

/**
 * The caller's state, whole. The cut is taken in one turn; sending it takes as long as the reader does. A snapshot that
 * cannot be finished ends in a broken connection, never in an answer that looks whole.
 */
export function snapshotRoute(dependencies: StreamDependencies): Route {
  const bytes = new SnapshotBytes();
  let running = 0;
  return route(snapshotOperation, async ({ principal, headers: asked }) => {
    dependencies.admit();
    const { state, now, logIdentity, events, publisher } = dependencies;
    const { tenantId, deviceId } = principal;
    if (running >= snapshotsAtOnce) {
      throw new FirebreakError('FB_RATE_LIMITED', `${snapshotsAtOnce} snapshots are being sent already.`, {
        retryAfterMs: publisher.retryMs(),
      });
    }
    const startedAtMs = now();
    const snapshot = takeSnapshot(state, { tenantId, deviceId }, startedAtMs, logIdentity);
    const headers = {
      [snapshotHeaders.cursor]: snapshot.cursor,
      [snapshotHeaders.count]: String(snapshot.count),
      [snapshotHeaders.digest]: snapshot.digest,
      etag: `W/"${snapshot.digest}"`,
      'cache-control': 'private, no-cache, no-transform',
      vary: 'Authorization, Accept-Encoding',
    };
    if (asked['if-none-match']?.includes(headers.etag) === true) return { status: 304, headers };
    const encoding = acceptsGzip(asked) ? 'gzip' : 'identity';
    const take = async (response: ServerResponse): Promise<void> => {
      running += 1;
      response.writeHead(200, {
        ...headers,
        'content-type': 'application/x-ndjson; charset=utf-8',
        ...(encoding === 'gzip' && { 'content-encoding': 'gzip' }),
      });
      try {
        await writeAll(response, encoding === 'gzip' ? bytes.gzip(snapshot) : bytes.plain(snapshot));
        events.snapshotTaken(encoding, snapshot.count, now() - startedAtMs);
      } catch (error) {
        events.snapshotBroken(String(error));
        response.destroy();
      } finally {
        running -= 1;
      }
    };
    return { take: (response) => void take(response) };
  });
}

function acceptsGzip(headers: IncomingHttpHeaders): boolean {
  const encodings = (headers['accept-encoding'] ?? '').toString().split(',');
  return encodings.some((encoding) => /^\s*(?:x-)?gzip\s*(?:;\s*q=(?!0(?:\.0*)?\s*$)|$)/iu.test(encoding));
}

async function writeAll(response: ServerResponse, pieces: AsyncIterable<string | Buffer>): Promise<void> {
  for await (const piece of pieces) {
    if (response.destroyed) throw new Error('The reader went away.');
    if (!response.write(piece)) await drained(response);
  }
  response.end();
}

async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      response.off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onDrain = (): void => finish();
    const onClose = (): void => finish(new Error('The reader went away.'));
    const timer = setTimeout(() => finish(new Error('The reader stopped reading.')), stallMs);
    response.on('drain', onDrain);
    response.on('close', onClose);
  });
}
