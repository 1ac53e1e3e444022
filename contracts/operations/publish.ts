import { z } from 'zod';
import { problemSchema } from '../errors.ts';
import { defaultLimits } from '../limits.ts';
import type { Operation } from '../operation.ts';
import { changesSchema } from '../stream.ts';

/** The stream of entries to agents, and its two companions. */

const cursorParameter = z
  .string()
  .max(4096)
  .describe('Where to go on: the `id` of the last checkpoint, or the cursor at the end of a snapshot.');

const waitSeconds = z.coerce
  .number()
  .int()
  .min(0)
  .max(Math.floor(defaultLimits.longPollMs / 1000));

const problem = (description: string) => ({
  description,
  schema: problemSchema,
  mediaTypes: ['application/problem+json'],
});
const cursorInvalid = problem('FB_CURSOR_INVALID: the cursor is malformed or of another service.');
const unavailable = problem('FB_NOT_READY or FB_SUBSCRIBERS_FULL: try again after `Retry-After`.');

export const streamOperation = {
  id: 'stream',
  method: 'GET',
  path: '/v1/stream',
  tag: 'stream',
  summary:
    'Server-sent events: everything since the cursor (`Last-Event-ID` or `cursor`), then live. Without a cursor one `resync`.',
  access: { kind: 'device' },
  query: z.strictObject({ cursor: cursorParameter.optional() }),
  answers: {
    200: {
      description:
        'Events `hello`, `entry`, `revocation`, `policy`, `checkpoint`, `ping`, `resync`, `offboarded`. Only a checkpoint has an `id`.',
      schema: z.string(),
      mediaTypes: ['text/event-stream'],
    },
    400: cursorInvalid,
    503: unavailable,
  },
} as const satisfies Operation;

export const changesOperation = {
  id: 'changes',
  method: 'GET',
  path: '/v1/changes',
  tag: 'stream',
  summary: 'The same by long poll, for who cannot hold a connection.',
  access: { kind: 'device' },
  query: z.strictObject({
    cursor: cursorParameter,
    wait: waitSeconds.default(25).describe('Seconds to wait for a change.'),
  }),
  answers: {
    200: {
      description:
        'Changes since the cursor, none when it was quiet. While `more` is true ask again at once; count and digest are those of the state once `more` is false.',
      schema: changesSchema,
    },
    400: cursorInvalid,
    503: unavailable,
  },
} as const satisfies Operation;

export const snapshotOperation = {
  id: 'snapshot',
  method: 'GET',
  path: '/v1/snapshot',
  tag: 'stream',
  summary:
    'All entries for the caller, one a line; the last line is `{"end":{"cursor","count","digest"}}`, the same as the headers. Without it the snapshot was cut.',
  access: { kind: 'device' },
  answers: {
    200: {
      description: 'Entries as NDJSON, with `ETag`; gzip where accepted.',
      schema: z.string(),
      mediaTypes: ['application/x-ndjson'],
    },
    304: { description: 'The state has this digest still; the headers carry a fresh cursor.' },
    429: problem('FB_RATE_LIMITED: too many snapshots at once.'),
    503: unavailable,
  },
} as const satisfies Operation;

export const publishOperations: readonly Operation[] = [streamOperation, changesOperation, snapshotOperation];
