import { expect, test } from '@jest/globals';
import { SilenceGuard } from '../../../agent/sdk/silence-guard.ts';

/** A body that knows of no signal and never ends by itself: what a stream is once `fetch` has forgotten its signal. */
function endlessBody(): { readonly body: ReadableStream<Uint8Array>; readonly cancelled: () => boolean } {
  let cancelled = false;
  const body = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(Uint8Array.of(1)),
    cancel: () => {
      cancelled = true;
    },
  });
  return { body, cancelled: () => cancelled };
}

async function drain(chunks: AsyncIterable<Uint8Array>, onChunk: () => void): Promise<void> {
  for await (const _ of chunks) onChunk();
}

test('a connection ends with its signal, whether or not the body listens to it', async () => {
  const outer = new AbortController();
  const guard = new SilenceGuard(outer.signal, 60_000);
  const { body, cancelled } = endlessBody();
  await expect(drain(guard.chunks(body), () => outer.abort(new Error('enough')))).rejects.toThrow('enough');
  expect(cancelled()).toBe(true);
  expect(guard.isDead).toBe(false);
  guard.end();
});

test('a connection on which nothing arrives ends by itself', async () => {
  const guard = new SilenceGuard(new AbortController().signal, 20);
  const { body, cancelled } = endlessBody();
  await expect(drain(guard.watch(body), () => undefined)).rejects.toThrow();
  expect(guard.isDead).toBe(true);
  expect(cancelled()).toBe(true);
  guard.end();
});

test('who stops reading lets go of the connection', async () => {
  const guard = new SilenceGuard(new AbortController().signal, 60_000);
  const { body, cancelled } = endlessBody();
  for await (const chunk of guard.chunks(body)) {
    expect(chunk).toEqual(Uint8Array.of(1));
    break;
  }
  expect(cancelled()).toBe(true);
  guard.end();
});
