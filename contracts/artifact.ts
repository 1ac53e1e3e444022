import { z } from 'zod';
import { artifactKindSchema } from './domain.ts';
import { optional } from './optional.ts';

const hexDigest = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^[0-9a-fA-F]{${bytes * 2}}$`), `${bytes * 2} hexadecimal digits`)
    .transform((text) => text.toLowerCase());

export const sha256Schema = hexDigest(32);
export const sha1Schema = hexDigest(20);
export const md5Schema = hexDigest(16);

/** Digests of whole content. Stronger ones identify; weaker ones serve search. */
export const hashSetSchema = z.strictObject({
  sha256: sha256Schema.apply(optional),
  sha1: sha1Schema.apply(optional),
  md5: md5Schema.apply(optional),
});
export type HashSet = z.infer<typeof hashSetSchema>;

/**
 * Kind plus strongest digest or canonical form: `file:sha256:<hex>`, `script:sha256:<hex>`, `command-line:sha256:<hex>`,
 * `url:sha256:<hex>`, `certificate:sha256:<hex>`, `domain:<A-label>`, `ip:<RFC 5952>`. Files known by a weaker digest
 * only are `file:sha1:` or `file:md5:` and stay in their tenant.
 */
export const artifactKeySchema = z
  .string()
  .max(300)
  .regex(
    /^(?:(?:file|script|command-line|url|certificate):sha256:[0-9a-f]{64}|file:sha1:[0-9a-f]{40}|file:md5:[0-9a-f]{32}|domain:[^\s:]{1,253}|ip:[0-9a-f.:]{2,45})$/,
    'an artifact key such as file:sha256:…',
  )
  .brand<'ArtifactKey'>();
export type ArtifactKey = z.infer<typeof artifactKeySchema>;

const artifactText = z.string().refine((text) => text.isWellFormed(), 'well-formed Unicode');

/** What a report is about: digests, or the text itself, or a value. Exactly what identifies each kind is in canonical.ts. */
export const artifactSchema = z.strictObject({
  kind: artifactKindSchema,
  hash: hashSetSchema.apply(optional),
  text: artifactText.apply(optional),
  value: z.string().min(1).max(8192).apply(optional),
  size: z.int().nonnegative().apply(optional).describe('Bytes of the whole text where it is cut.'),
  truncated: z
    .boolean()
    .apply(optional)
    .describe('`text` is head and tail of a longer one; it then counts as testimony.'),
});
export type Artifact = z.infer<typeof artifactSchema>;
