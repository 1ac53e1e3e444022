import { z } from 'zod';
import { classifierProfileSchema } from './classifier-profile.ts';

const { id } = classifierProfileSchema.shape;
const permille = z.int().min(0).max(1000);

/** What a classifier's word counts beside one that leads, because the two look at the same facts. */
export const shareSchema = z.object({
  classifier: id,
  malicePermille: permille.describe('Share that counts of what it says for malice.'),
  innocencePermille: permille.describe('Share that counts of what it says for innocence.'),
});
export type Share = z.infer<typeof shareSchema>;

/**
 * How the words of classifiers add up. Shares lie between nothing and the whole, so more evidence of malice never lowers
 * a sum, whatever they are.
 */
export const combinerSchema = z.object({
  version: z.string().max(64),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('Of `deciding` and `shares` as JSON without spaces.'),
  deciding: z
    .array(id)
    .max(64)
    .describe(
      'Classifiers whose word, where it alone is a block, stays one: what others say for innocence takes away no more than lies above.',
    ),
  shares: z
    .array(shareSchema)
    .max(64)
    .refine(
      (shares) => new Set(shares.map(({ classifier }) => classifier)).size === shares.length,
      'Two shares are of the same classifier.',
    )
    .describe('Every other classifier counts as `laterWitnessPermille` says.'),
});
export type Combiner = z.infer<typeof combinerSchema>;
