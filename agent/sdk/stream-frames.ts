import { createParser } from 'eventsource-parser';
import { streamEventSchemas, type StreamEventName } from '../../contracts/stream.ts';
import type { z } from 'zod';

/** One event of the stream as it arrived; its name is known, its data fits. */
export type StreamFrame = {
  [Name in StreamEventName]: {
    readonly event: Name;
    readonly data: z.infer<(typeof streamEventSchemas)[Name]>;
    readonly id: string | undefined;
  };
}[StreamEventName];

/** The service sent something that is not the stream: what came before stands, what comes after is not believed. */
export class FrameError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'FrameError';
  }
}

function isKnown(event: string | undefined): event is StreamEventName {
  return event !== undefined && Object.hasOwn(streamEventSchemas, event);
}

/** @returns null where the event's name is not known: a later version speaks, and may be passed over */
export function readFrame(
  event: string | undefined,
  data: string,
  id: string | undefined,
): StreamFrame | null {
  if (!isKnown(event)) return null;
  let json: unknown;
  try {
    json = JSON.parse(data);
  } catch (cause) {
    throw new FrameError(`The data of a ${event} event is not JSON.`, { cause });
  }
  return parseFrame(event, json, id);
}

function parseFrame(event: StreamEventName, json: unknown, id: string | undefined): StreamFrame {
  switch (event) {
    case 'hello':
      return { event, data: expectData(event, streamEventSchemas.hello, json), id };
    case 'entry':
      return { event, data: expectData(event, streamEventSchemas.entry, json), id };
    case 'revocation':
      return { event, data: expectData(event, streamEventSchemas.revocation, json), id };
    case 'policy':
      return { event, data: expectData(event, streamEventSchemas.policy, json), id };
    case 'checkpoint':
      return { event, data: expectData(event, streamEventSchemas.checkpoint, json), id };
    case 'ping':
      return { event, data: expectData(event, streamEventSchemas.ping, json), id };
    case 'resync':
      return { event, data: expectData(event, streamEventSchemas.resync, json), id };
    case 'offboarded':
      return { event, data: expectData(event, streamEventSchemas.offboarded, json), id };
  }
}

function expectData<Data>(event: string, schema: z.ZodType<Data>, json: unknown): Data {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new FrameError(`The data of a ${event} event does not fit: ${parsed.error.issues[0]?.message ?? ''}`);
}

/**
 * Frames out of the bytes of an SSE answer.
 *
 * @param onBytes called with every chunk, comments included
 * @param onRetry the server's wish for the pause before the next connection, in milliseconds
 */
export async function* streamFrames(
  body: AsyncIterable<Uint8Array>,
  onBytes: () => void,
  onRetry: (retryMs: number) => void,
): AsyncGenerator<StreamFrame> {
  const decoder = new TextDecoder();
  let frames: (StreamFrame | null)[] = [];
  const parser = createParser({
    onEvent: ({ event, data, id }) => frames.push(readFrame(event, data, id)),
    onRetry,
  });
  for await (const chunk of body) {
    onBytes();
    parser.feed(decoder.decode(chunk, { stream: true }));
    const arrived = frames;
    frames = [];
    for (const frame of arrived) if (frame !== null) yield frame;
  }
}
