import type { IncomingMessage } from 'node:http';
import { finished } from 'node:stream/promises';

/**
 * Reads what is still coming of a body that nobody takes. A connection that closes while the other side writes takes
 * the answer with it (RFC 9112 section 9.6): whoever sent a little too much is to hear why.
 *
 * @param mostBytes announced; who announces more, or nothing, is not read
 */
export async function readOff(request: IncomingMessage, mostBytes: number): Promise<void> {
  if (request.complete || !(Number(request.headers['content-length']) <= mostBytes)) return;
  request.resume();
  // Whoever left has no ear for the answer either.
  await finished(request, { writable: false }).catch(() => undefined);
}
