import { z } from 'zod';
import { artifactKindSchema } from './domain.ts';
import { optional } from './optional.ts';

/** The part of a classifier's `manifest.json` that the engine and the correlator need. */
export const classifierProfileSchema = z.object({
  id: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/),
  version: z.string().max(64),
  featureSchemaVersion: z.int().positive(),
  tier: z
    .enum(['fast', 'content', 'detonation'])
    .describe('The join waits for fast ones; later tiers make revisions.'),
  accepts: z.array(artifactKindSchema).min(1),
  baseRate: z
    .number()
    .gt(0)
    .lt(1)
    .describe(
      'Share of malicious items for which the calibration holds; the weight of a score is its log-odds against this.',
    ),
  threshold: z
    .number()
    .gt(0)
    .lt(1)
    .describe('Probability from which this classifier alone may block, set by its false-positive budget.'),
  supportsOnly: z
    .boolean()
    .apply(optional)
    .describe(
      'Its word supports a block and never causes one, nor do all such words together: the engine bounds them. The threshold then is where it gives its full support.',
    ),
});
export type ClassifierProfile = z.infer<typeof classifierProfileSchema>;
