import { z } from 'zod';
import { blockLevelSchema } from './domain.ts';
import { defaultLimits } from './limits.ts';

/** How a tenant's devices use entries. Applied where an entry is used, never inside one. */
export const policySchema = z
  .object({
    revision: z.int().nonnegative(),
    blockLevel: blockLevelSchema,
    enforce: z.enum(['block', 'audit']),
    holdMs: z.int().min(0).max(defaultLimits.waitMs),
    onTimeout: z.enum(['allow', 'block']),
    sampleConsent: z.enum(['prompt', 'safe', 'never', 'all']),
    edrBlockMode: z.boolean(),
    exclusions: z.array(z.string().max(512)).max(1000),
  })
  .meta({ id: 'Policy' });
export type Policy = z.infer<typeof policySchema>;

/** Defender's documented defaults: level Default, 10 s hold, then the file runs; safe samples; EDR in block mode off. */
export const defaultPolicy: Policy = {
  revision: 0,
  blockLevel: 'default',
  enforce: 'block',
  holdMs: defaultLimits.holdMs,
  onTimeout: 'allow',
  sampleConsent: 'safe',
  edrBlockMode: false,
  exclusions: [],
};
