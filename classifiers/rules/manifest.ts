import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { artifactKinds } from '../../contracts/domain.ts';
import { ruleLevels } from './sigma/rule.ts';

const probability = z.number().min(0).max(1);

/** `manifest.json`: what the classifier is, its calibration, and what was measured. */
const manifestSchema = z.strictObject({
  id: z.literal('rules'),
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  featureSchemaVersion: z.int().positive(),
  kind: z.literal('sigma'),
  accepts: z.array(z.enum(artifactKinds)).min(1),
  tier: z.literal('fast'),
  evidence: z.literal('as-its-input'),
  baseRate: probability,
  threshold: probability,
  /** Probability that a report is malicious whose highest matching rule has this level; `none` where none matched. */
  probabilities: z.record(z.enum(['none', ...ruleLevels]), probability),
  rules: z.strictObject({ count: z.int().positive(), levels: z.record(z.enum(ruleLevels), z.int()) }),
  metrics: z.record(z.string(), z.unknown()),
});
export type RulesManifest = z.output<typeof manifestSchema>;

/** Reads the manifest beside this file. Rejects where it is missing or not what the schema says. */
export async function readManifest(): Promise<RulesManifest> {
  return manifestSchema.parse(
    JSON.parse(await readFile(new URL('./manifest.json', import.meta.url), 'utf8')),
  );
}
