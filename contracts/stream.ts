import { z } from 'zod';
import { entrySchema, revocationSchema } from './entry.ts';
import { storedTimestampSchema } from './ids.ts';

/** Order-independent digest of a subscriber's state; 64 hexadecimal digits, defined in engine/stream with test vectors. */
export const stateDigestSchema = z.string().regex(/^[0-9a-f]{64}$/);

/** Opaque to agents: which prefix of the log a state includes. */
export const cursorSchema = z
  .string()
  .min(1)
  .max(1024)
  .regex(/^[A-Za-z0-9_-]+$/);

export const checkpointSchema = z.object({
  now: storedTimestampSchema,
  count: z.int().nonnegative(),
  digest: stateDigestSchema,
});

/** The events of the stream by name. Agents ignore names that they do not know. */
export const streamEventSchemas = {
  hello: z.object({
    now: storedTimestampSchema,
    pingMs: z.int().positive(),
    signingKeys: z.array(z.unknown()),
  }),
  entry: entrySchema,
  revocation: revocationSchema,
  policy: z.object({ revision: z.int().nonnegative() }),
  checkpoint: checkpointSchema,
  ping: z.object({ now: storedTimestampSchema }),
  resync: z.object({
    reason: z.enum(['no-cursor', 'cursor-too-old', 'cursor-ahead', 'too-slow', 'restart']),
    snapshot: z.literal('/v1/snapshot'),
    retryAfterMs: z.int().nonnegative(),
  }),
  offboarded: z.object({ entries: z.enum(['purge', 'keep-until-expiry']) }),
} as const;
export type StreamEventName = keyof typeof streamEventSchemas;

/** One event with its name, as long poll answers carry it. */
export const streamEventSchema = z
  .discriminatedUnion('event', [
    z.object({ event: z.literal('hello'), data: streamEventSchemas.hello }),
    z.object({ event: z.literal('entry'), data: streamEventSchemas.entry }),
    z.object({ event: z.literal('revocation'), data: streamEventSchemas.revocation }),
    z.object({ event: z.literal('policy'), data: streamEventSchemas.policy }),
    z.object({ event: z.literal('checkpoint'), data: streamEventSchemas.checkpoint }),
    z.object({ event: z.literal('ping'), data: streamEventSchemas.ping }),
    z.object({ event: z.literal('resync'), data: streamEventSchemas.resync }),
    z.object({ event: z.literal('offboarded'), data: streamEventSchemas.offboarded }),
  ])
  .meta({ id: 'StreamEvent' });
export type StreamEvent = z.infer<typeof streamEventSchema>;

/** The answer of `GET /v1/changes`. */
export const changesSchema = z
  .object({
    changes: z.array(streamEventSchema),
    cursor: cursorSchema,
    count: z.int().nonnegative(),
    digest: stateDigestSchema,
    more: z.boolean(),
  })
  .meta({ id: 'Changes' });
export type Changes = z.infer<typeof changesSchema>;

/** The last line of a snapshot; without it the snapshot was cut. */
export const snapshotEndSchema = z.object({
  end: z.object({ cursor: cursorSchema, count: z.int().nonnegative(), digest: stateDigestSchema }),
});

/** Headers of `GET /v1/snapshot` that repeat its end. */
export const snapshotHeaders = {
  cursor: 'firebreak-cursor',
  count: 'firebreak-count',
  digest: 'firebreak-digest',
} as const;
