import { cursorSchema, snapshotHeaders, stateDigestSchema } from '../../contracts/stream.ts';
import type { StatePosition } from './entry-file.ts';
import { FrameError } from './stream-frames.ts';

/** Somebody answered with something else than the stream: the service, or whatever stands between. It says nothing about the entries. */
export class AnswerError extends Error {
  readonly status: number;
  readonly retryAfterMs: number;

  constructor(path: string, response: Response) {
    super(`${path} answers ${response.status} ${response.headers.get('content-type') ?? ''}`.trimEnd());
    this.name = 'AnswerError';
    this.status = response.status;
    this.retryAfterMs = 1000 * (Number(response.headers.get('retry-after')) || 0);
  }
}

/** @throws AnswerError when it is not the answer that was asked for */
export function bodyOf(path: string, response: Response, mediaType: string): ReadableStream<Uint8Array> {
  const isRight =
    response.status === 200 && response.headers.get('content-type')?.startsWith(mediaType) === true;
  if (isRight && response.body !== null) return response.body;
  void response.body?.cancel();
  throw new AnswerError(path, response);
}

/** @throws FrameError when the headers of a snapshot lack its end */
export function positionOf({ headers }: Response): StatePosition {
  const cursor = cursorSchema.safeParse(headers.get(snapshotHeaders.cursor));
  const digest = stateDigestSchema.safeParse(headers.get(snapshotHeaders.digest));
  const count = Number(headers.get(snapshotHeaders.count) ?? Number.NaN);
  if (!cursor.success || !digest.success || !Number.isSafeInteger(count)) {
    throw new FrameError('The headers of the snapshot do not name its end.');
  }
  return { cursor: cursor.data, digest: digest.data, count };
}
