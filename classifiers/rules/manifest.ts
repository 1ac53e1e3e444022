import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { classifierProfileSchema } from '../../contracts/classifier-profile.ts';
import { evidenceKindSchema } from '../../contracts/domain.ts';
import { ruleLevels } from './sigma/rule.ts';

/** `manifest.json`: what the classifier is, and the probability that stands for what its rules found. */
const manifestSchema = z.strictObject({
  ...classifierProfileSchema.shape,
  evidence: z.array(evidenceKindSchema).min(1),
  /**
   * Probability that an item is malicious whose strongest matching rule has this level; `none` where no rule matched,
   * `corroborated` where medium is the strongest and two rules of different tactics matched.
   */
  probabilities: z.record(z.enum(['none', ...ruleLevels, 'corroborated']), z.number().min(0).max(1)),
});
export type RulesManifest = z.output<typeof manifestSchema>;
export type RuleProbabilities = RulesManifest['probabilities'];

/**
 * Reads a manifest, by default the one beside this file. Rejects where it is missing or not what the schema says.
 */
export async function readManifest(
  url = new URL('./manifest.json', import.meta.url),
): Promise<RulesManifest> {
  return manifestSchema.parse(JSON.parse(await readFile(url, 'utf8')));
}
