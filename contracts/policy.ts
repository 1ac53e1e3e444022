import { z } from 'zod';
import { blockLevelSchema } from './domain.ts';
import { defaultLimits } from './limits.ts';

const settings = {
  blockLevel: blockLevelSchema.describe('From which strength of evidence on an entry blocks.'),
  enforce: z.enum(['block', 'audit']).describe('`audit`: nothing is blocked, all is told.'),
  holdMs: z.int().min(0).max(defaultLimits.waitMs).describe('How long a file waits for its verdict.'),
  onTimeout: z.enum(['allow', 'block']).describe('What becomes of a file whose verdict did not come.'),
  sampleConsent: z
    .enum(['prompt', 'safe', 'never', 'all'])
    .describe('Which files may be sent: what a person agreed to, programs, none, any.'),
  edrBlockMode: z.boolean().describe('Devices that do not run in active mode block, too.'),
  exclusions: z
    .array(z.string().max(512))
    .max(1000)
    .describe('Paths, for agents that leave some out; the reference agent does not.'),
};

/** What an administrator sets. */
export const policySettingsSchema = z.strictObject(settings).meta({ id: 'PolicySettings' });
export type PolicySettings = z.infer<typeof policySettingsSchema>;

/** How a tenant's devices use entries. Applied where an entry is used, never inside one. */
export const policySchema = z.object({ revision: z.int().nonnegative(), ...settings }).meta({ id: 'Policy' });
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
