import { z } from 'zod';
import { md5Schema, sha1Schema, sha256Schema } from './artifact.ts';
import { timestampSchema } from './ids.ts';
import { optional } from './optional.ts';

/**
 * The part of the Elastic Common Schema 9.1 that reports may carry, with ECS names. Keys outside of it are dropped and
 * counted (`dropped` in the result); these objects therefore strip, while our own are strict.
 */
const keyword = z.string().max(4096);
const longText = z.string().max(32_768);
const short = z.string().max(256);
const count = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);
const entropy = z.number().min(0).max(8);

export const ecsHashSchema = z.object({
  md5: md5Schema.apply(optional),
  sha1: sha1Schema.apply(optional),
  sha256: sha256Schema.apply(optional),
  ssdeep: short.apply(optional),
  tlsh: short.apply(optional),
});

export const ecsCodeSignatureSchema = z.object({
  exists: z.boolean().apply(optional),
  valid: z.boolean().apply(optional),
  trusted: z.boolean().apply(optional),
  status: short.apply(optional),
  subject_name: keyword.apply(optional),
  signing_id: keyword.apply(optional),
  thumbprint_sha256: sha256Schema.apply(optional),
});

export const ecsPeSectionSchema = z.object({
  name: short.apply(optional),
  entropy: entropy.apply(optional),
  physical_size: count.apply(optional),
  virtual_size: count.apply(optional),
  var_entropy: z.number().apply(optional),
});

export const ecsPeSchema = z.object({
  architecture: short.apply(optional),
  company: keyword.apply(optional),
  description: keyword.apply(optional),
  file_version: short.apply(optional),
  imphash: md5Schema.apply(optional),
  import_hash: short.apply(optional),
  imports: z
    .array(z.object({ library: short, functions: z.array(short).max(4096).apply(optional) }))
    .max(512)
    .apply(optional),
  imports_names_entropy: z.number().apply(optional),
  original_file_name: short.apply(optional),
  pehash: short.apply(optional),
  product: keyword.apply(optional),
  sections: z.array(ecsPeSectionSchema).max(96).apply(optional),
});

export const ecsFileSchema = z.object({
  name: keyword.apply(optional),
  path: keyword.apply(optional),
  directory: keyword.apply(optional),
  extension: short.apply(optional),
  size: count.apply(optional),
  created: timestampSchema.apply(optional),
  mtime: timestampSchema.apply(optional),
  origin_url: z.string().max(8192).apply(optional),
  origin_referrer_url: z.string().max(8192).apply(optional),
  hash: ecsHashSchema.apply(optional),
  pe: ecsPeSchema.apply(optional),
  code_signature: ecsCodeSignatureSchema.apply(optional),
});
export type EcsFile = z.infer<typeof ecsFileSchema>;

const ecsUserSchema = z.object({
  id: short.apply(optional),
  name: short.apply(optional),
  domain: short.apply(optional),
});

const processFields = {
  entity_id: short.apply(optional),
  pid: count.apply(optional),
  name: keyword.apply(optional),
  executable: keyword.apply(optional),
  command_line: longText.apply(optional),
  args: z.array(keyword).max(512).apply(optional),
  working_directory: keyword.apply(optional),
  start: timestampSchema.apply(optional),
  exit_code: z.int().apply(optional),
  hash: ecsHashSchema.apply(optional),
  code_signature: ecsCodeSignatureSchema.apply(optional),
  pe: z
    .object({
      original_file_name: short.apply(optional),
      imphash: md5Schema.apply(optional),
      company: keyword.apply(optional),
      product: keyword.apply(optional),
      description: keyword.apply(optional),
    })
    .apply(optional),
  user: ecsUserSchema.apply(optional),
  integrity_level: short.apply(optional),
};

export const ecsParentProcessSchema = z.object(processFields);
export const ecsProcessSchema = z.object({
  ...processFields,
  parent: ecsParentProcessSchema.apply(optional),
});
export type EcsProcess = z.infer<typeof ecsProcessSchema>;

export const ecsDllSchema = z.object({
  name: keyword.apply(optional),
  path: keyword.apply(optional),
  hash: ecsHashSchema.apply(optional),
  code_signature: ecsCodeSignatureSchema.apply(optional),
});

export const ecsRegistrySchema = z.object({
  hive: short.apply(optional),
  key: keyword.apply(optional),
  path: keyword.apply(optional),
  value: keyword.apply(optional),
  data: z
    .object({ type: short.apply(optional), strings: z.array(longText).max(64).apply(optional) })
    .apply(optional),
});

export const ecsDestinationSchema = z.object({
  address: keyword.apply(optional),
  domain: keyword.apply(optional),
  ip: short.apply(optional),
  port: z.int().min(0).max(65_535).apply(optional),
});

const eventCategories = [
  'process',
  'file',
  'registry',
  'network',
  'library',
  'driver',
  'authentication',
  'configuration',
  'intrusion_detection',
  'malware',
  'session',
  'host',
  'iam',
  'web',
  'api',
  'package',
  'threat',
  'vulnerability',
  'database',
  'email',
] as const;

export const ecsEventFieldsSchema = z.object({
  action: short.apply(optional),
  category: z.array(z.enum(eventCategories)).max(4).apply(optional),
  type: z.array(short).max(8).apply(optional),
  sequence: count.apply(optional),
  code: short.apply(optional),
  provider: short.apply(optional),
});

/** One event of a process tree: a process start or what a process, named by `entity_id`, did. */
export const ecsEventSchema = z.object({
  '@timestamp': timestampSchema.apply(optional),
  event: ecsEventFieldsSchema.apply(optional),
  process: ecsProcessSchema.apply(optional),
  file: ecsFileSchema.apply(optional),
  dll: ecsDllSchema.apply(optional),
  registry: ecsRegistrySchema.apply(optional),
  destination: ecsDestinationSchema.apply(optional),
  dns: z
    .object({
      question: z.object({ name: keyword.apply(optional), type: short.apply(optional) }).apply(optional),
    })
    .apply(optional),
  url: z.object({ full: z.string().max(8192).apply(optional) }).apply(optional),
  user: ecsUserSchema.apply(optional),
  firebreak: z
    .object({ target: z.object({ process: z.object({ entity_id: short }) }).apply(optional) })
    .apply(optional),
});
export type EcsEvent = z.infer<typeof ecsEventSchema>;

export const ecsHostSchema = z.object({
  id: short.apply(optional),
  name: short.apply(optional),
  hostname: short.apply(optional),
  domain: short.apply(optional),
  architecture: short.apply(optional),
  ip: z.array(short).max(32).apply(optional),
  os: z
    .object({
      family: short.apply(optional),
      full: short.apply(optional),
      kernel: short.apply(optional),
      name: short.apply(optional),
      platform: short.apply(optional),
      type: short.apply(optional),
      version: short.apply(optional),
    })
    .apply(optional),
});
export type EcsHost = z.infer<typeof ecsHostSchema>;
