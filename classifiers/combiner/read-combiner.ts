import { hash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { combinerSchema, type Combiner } from '../../contracts/combiner.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import { modelManifestSchema } from '../model-manifest.ts';

/** `manifest.json` of the combiner, as `npm run train` writes it. */
const manifestSchema = z.strictObject({
  id: z.literal('combiner'),
  ...combinerSchema.shape,
  classifiers: z
    .record(z.string(), z.string())
    .describe('Versions of the classifiers whose words it learned from.'),
  ...modelManifestSchema.pick({ training: true, metrics: true }).shape,
});

/**
 * Reads the combiner of a folder, which is that beside this file unless another is given.
 * @throws FirebreakError FB_MODEL_MISSING where its manifest cannot be read, FB_MODEL_ALTERED where it is not what the
 * schema says or its numbers are not those that were learned
 */
export async function readCombiner(folder: URL = new URL('./', import.meta.url)): Promise<Combiner> {
  const url = new URL('manifest.json', folder);
  const text = await readFile(url, 'utf8').catch((cause: unknown) => {
    throw new FirebreakError('FB_MODEL_MISSING', `The combiner ${url.pathname} cannot be read.`, { cause });
  });
  const manifest = parsed(text);
  if (manifest === null || manifest.sha256 !== digestOf(manifest))
    throw new FirebreakError(
      'FB_MODEL_ALTERED',
      `The combiner ${url.pathname} does not hold what was learned: restore it from the release, or train it anew.`,
    );
  return combinerSchema.parse(manifest);
}

function parsed(text: string): z.infer<typeof manifestSchema> | null {
  try {
    return manifestSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** SHA-256 of what was learned, as the trainer writes it: JSON without spaces, keys in the order of the schema. */
function digestOf({ deciding, shares }: Pick<Combiner, 'deciding' | 'shares'>): string {
  return hash('sha256', JSON.stringify({ deciding, shares }));
}
