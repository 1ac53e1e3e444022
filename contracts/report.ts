import { z } from 'zod';
import { artifactSchema } from './artifact.ts';
import { detectionSourceSchema, localActionSchema } from './domain.ts';
import { ecsDestinationSchema, ecsEventSchema, ecsFileSchema, ecsProcessSchema } from './ecs.ts';
import { reportIdSchema, timestampSchema } from './ids.ts';
import { defaultLimits } from './limits.ts';
import { optional } from './optional.ts';

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
      header: peHeaderSchema.apply(optional),
      overlay: z
        .strictObject({ size: z.int().nonnegative(), entropy: z.number().min(0).max(8).apply(optional) })
        .apply(optional),
      resources: z
        .strictObject({ count: z.int().nonnegative(), entropy: z.number().min(0).max(8).apply(optional) })
        .apply(optional),
      exports: z.strictObject({ count: z.int().nonnegative() }).apply(optional),
    })
    .apply(optional),
  file: z
    .strictObject({
      zone_identifier: z
        .int()
        .min(0)
        .max(4)
        .apply(optional)
        .describe('Mark of the web: 3 internet, 4 untrusted.'),
      entropy: z.number().min(0).max(8).apply(optional),
    })
    .apply(optional),
  redacted: z
    .array(z.string().max(128))
    .max(64)
    .apply(optional)
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
      .strictObject({ id: z.string().max(256).apply(optional), name: z.string().max(512).apply(optional) })
      .apply(optional),
    file: ecsFileSchema.apply(optional),
    process: ecsProcessSchema.apply(optional),
    destination: ecsDestinationSchema.apply(optional),
    url: z.object({ full: z.string().max(8192).apply(optional) }).apply(optional),
    events: z.array(ecsEventSchema).max(defaultLimits.eventsPerReport).apply(optional),
    firebreak: firebreakFieldsSchema.apply(optional),
  })
  .meta({ id: 'Report' });
export type Report = z.infer<typeof reportSchema>;
/** What an agent writes before parsing normalizes it. */
export type ReportInput = z.input<typeof reportSchema>;
