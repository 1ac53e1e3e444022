import { z } from 'zod';
import { artifactSchema } from './artifact.ts';
import { detectionSourceSchema, localActionSchema } from './domain.ts';
import { ecsDestinationSchema, ecsEventSchema, ecsFileSchema, ecsProcessSchema } from './ecs.ts';
import { reportIdSchema, timestampSchema } from './ids.ts';
import { defaultLimits } from './limits.ts';

/**
 * Header fields of a portable executable, lower snake case after the names of the PE specification (`size_of_code`,
 * `dll_characteristics`, …). Which ones a classifier reads stands in its `features.ts`; a missing one is unknown, never zero.
 */
const peHeaderSchema = z
  .record(z.string().regex(/^[a-z][a-z0-9_]{0,63}$/), z.number())
  .refine((fields) => Object.keys(fields).length <= 128, 'at most 128 fields');

/** Facts that ECS has no name for. Our own object: unknown keys are refused. */
export const firebreakFieldsSchema = z.strictObject({
  pe: z
    .strictObject({
      header: peHeaderSchema.exactOptional(),
      overlay: z
        .strictObject({ size: z.int().nonnegative(), entropy: z.number().min(0).max(8).exactOptional() })
        .exactOptional(),
      resources: z
        .strictObject({ count: z.int().nonnegative(), entropy: z.number().min(0).max(8).exactOptional() })
        .exactOptional(),
      exports: z.strictObject({ count: z.int().nonnegative() }).exactOptional(),
    })
    .exactOptional(),
  file: z
    .strictObject({
      zone_identifier: z
        .int()
        .min(0)
        .max(4)
        .exactOptional()
        .describe('Mark of the web: 3 internet, 4 untrusted.'),
      entropy: z.number().min(0).max(8).exactOptional(),
    })
    .exactOptional(),
  redacted: z
    .array(z.string().max(128))
    .max(64)
    .exactOptional()
    .describe('Fields that the agent left out for privacy.'),
});

/** One observation of an artifact on a device, as the agent sends it. Parsing normalizes times and digests and drops unknown ECS keys. */
export const reportSchema = z
  .strictObject({
    id: reportIdSchema,
    '@timestamp': timestampSchema,
    detectionSource: detectionSourceSchema,
    localAction: localActionSchema,
    artifact: artifactSchema,
    rule: z
      .strictObject({ id: z.string().max(256).exactOptional(), name: z.string().max(512).exactOptional() })
      .exactOptional(),
    file: ecsFileSchema.exactOptional(),
    process: ecsProcessSchema.exactOptional(),
    destination: ecsDestinationSchema.exactOptional(),
    url: z.object({ full: z.string().max(8192).exactOptional() }).exactOptional(),
    events: z.array(ecsEventSchema).max(defaultLimits.eventsPerReport).exactOptional(),
    firebreak: firebreakFieldsSchema.exactOptional(),
  })
  .meta({ id: 'Report' });
export type Report = z.infer<typeof reportSchema>;
/** What an agent writes before parsing normalizes it. */
export type ReportInput = z.input<typeof reportSchema>;
