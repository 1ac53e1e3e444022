import { z } from 'zod';
import { artifactSchema } from './artifact.ts';
import { detectionSourceSchema, localActionSchema } from './domain.ts';
import { ecsDestinationSchema, ecsEventSchema, ecsFileSchema, ecsProcessSchema } from './ecs.ts';
import { reportIdSchema, timestampSchema } from './ids.ts';
import { defaultLimits } from './limits.ts';
import { optional } from './optional.ts';

const headerFieldName = /^[a-z][a-z0-9_]{0,63}$/;
const maxHeaderFields = 128;

/**
 * Header fields of a portable executable, lower snake case after the names of the PE specification (`size_of_code`,
 * `dll_characteristics`, …). Which ones a classifier reads stands in its `features.ts`; a missing one is unknown, never zero.
 */
const peHeaderSchema = z
  .custom<Readonly<Record<string, number>>>()
  // A record of zod asks three schemas about each of dozens of fields: a tenth of what taking a report costs.
  .superRefine((fields: unknown, context) => {
    if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
      return context.addIssue({ code: 'invalid_type', expected: 'record', input: fields });
    const entries = Object.entries(fields);
    if (entries.length > maxHeaderFields) context.addIssue(`at most ${maxHeaderFields} fields`);
    for (const [name, value] of entries) {
      if (!headerFieldName.test(name))
        context.addIssue({ code: 'custom', path: [name], message: 'lower snake case' });
      else if (typeof value !== 'number' || !Number.isFinite(value))
        context.addIssue({ code: 'invalid_type', path: [name], expected: 'number', input: value });
    }
  })
  .meta({
    type: 'object',
    propertyNames: { pattern: headerFieldName.source },
    additionalProperties: { type: 'number' },
    maxProperties: maxHeaderFields,
  });

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
