import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { reportSchema } from '../../contracts/report.ts';

const goldenCaseSchema = z.strictObject({
  name: z.string(),
  report: reportSchema,
  expected: z.strictObject({ probability: z.number(), textProbability: z.number().exactOptional() }),
});
export type GoldenCase = z.output<typeof goldenCaseSchema>;

/** Reads the golden reports of a classifier with what the training environment says that they score. */
export async function readGoldenCases(classifier: string): Promise<readonly GoldenCase[]> {
  const path = new URL(`../../classifiers/${classifier}/golden.jsonl`, import.meta.url);
  const lines = (await readFile(path, 'utf8')).trimEnd().split('\n');
  return lines.map((line) => goldenCaseSchema.parse(JSON.parse(line)));
}
