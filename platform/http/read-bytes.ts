import type { IncomingMessage } from 'node:http';
import { createGunzip } from 'node:zlib';
import { FirebreakError, isFirebreakError } from '../../contracts/errors.ts';

/**
 * The bytes of a body as they come, inflated where the sender compressed them. Whoever reads bounds them: a small body
 * may inflate to a large one. Reading may be given up at any time; the connection stays good for the answer.
 *
 * @throws FB_BODY_INVALID when it is not gzip, or the sender leaves before the end
 */
export async function* readBytes(request: IncomingMessage, isCompressed: boolean): AsyncGenerator<Buffer> {
  const chunks = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  try {
    if (isCompressed) yield* inflate(chunks);
    else yield* chunks;
  } catch (cause) {
    if (isFirebreakError(cause)) throw cause;
    throw new FirebreakError('FB_BODY_INVALID', 'The body ends before it is whole.', { cause });
  }
}

/** Writes to the inflater no faster than its output is taken. */
async function* inflate(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  const feed = async (): Promise<void> => {
    for await (const chunk of chunks) {
      if (gunzip.destroyed) return;
      if (!gunzip.write(chunk))
        await new Promise<void>((resolve) => gunzip.once('drain', resolve).once('close', resolve));
    }
    gunzip.end();
  };
  // Whoever reads the output is told of what went wrong with the input.
  const feeding = feed().catch((error: unknown) => {
    gunzip.destroy(
      new FirebreakError('FB_BODY_INVALID', 'The body ends before it is whole.', { cause: error }),
    );
  });
  try {
    yield* gunzip as AsyncIterable<Buffer>;
    await feeding;
  } catch (cause) {
    if (isFirebreakError(cause)) throw cause;
    const detail = 'The body is not what `Content-Encoding: gzip` says.';
    throw new FirebreakError('FB_BODY_INVALID', detail, { cause });
  } finally {
    gunzip.destroy();
  }
}
