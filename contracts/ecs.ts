import { z } from 'zod';
import { md5Schema, sha1Schema, sha256Schema } from './artifact.ts';
import { timestampSchema } from './ids.ts';

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
  md5: md5Schema.exactOptional(),
  sha1: sha1Schema.exactOptional(),
  sha256: sha256Schema.exactOptional(),
  ssdeep: short.exactOptional(),
  tlsh: short.exactOptional(),
});

export const ecsCodeSignatureSchema = z.object({
  exists: z.boolean().exactOptional(),
  valid: z.boolean().exactOptional(),
  trusted: z.boolean().exactOptional(),
  status: short.exactOptional(),
  subject_name: keyword.exactOptional(),
  signing_id: keyword.exactOptional(),
  thumbprint_sha256: sha256Schema.exactOptional(),
});

export const ecsPeSectionSchema = z.object({
  name: short.exactOptional(),
  entropy: entropy.exactOptional(),
  physical_size: count.exactOptional(),
  virtual_size: count.exactOptional(),
  var_entropy: z.number().exactOptional(),
});

export const ecsPeSchema = z.object({
  architecture: short.exactOptional(),
  company: keyword.exactOptional(),
  description: keyword.exactOptional(),
  file_version: short.exactOptional(),
  imphash: md5Schema.exactOptional(),
  import_hash: short.exactOptional(),
  imports: z
    .array(z.object({ library: short, functions: z.array(short).max(4096).exactOptional() }))
    .max(512)
    .exactOptional(),
  imports_names_entropy: z.number().exactOptional(),
  original_file_name: short.exactOptional(),
  pehash: short.exactOptional(),
  product: keyword.exactOptional(),
  sections: z.array(ecsPeSectionSchema).max(96).exactOptional(),
});

export const ecsFileSchema = z.object({
  name: keyword.exactOptional(),
  path: keyword.exactOptional(),
  directory: keyword.exactOptional(),
  extension: short.exactOptional(),
  size: count.exactOptional(),
  created: timestampSchema.exactOptional(),
  mtime: timestampSchema.exactOptional(),
  origin_url: z.string().max(8192).exactOptional(),
  origin_referrer_url: z.string().max(8192).exactOptional(),
  hash: ecsHashSchema.exactOptional(),
  pe: ecsPeSchema.exactOptional(),
  code_signature: ecsCodeSignatureSchema.exactOptional(),
});
export type EcsFile = z.infer<typeof ecsFileSchema>;

const ecsUserSchema = z.object({
  id: short.exactOptional(),
  name: short.exactOptional(),
  domain: short.exactOptional(),
});

const processFields = {
  entity_id: short.exactOptional(),
  pid: count.exactOptional(),
  name: keyword.exactOptional(),
  executable: keyword.exactOptional(),
  command_line: longText.exactOptional(),
  args: z.array(keyword).max(512).exactOptional(),
  working_directory: keyword.exactOptional(),
  start: timestampSchema.exactOptional(),
  exit_code: z.int().exactOptional(),
  hash: ecsHashSchema.exactOptional(),
  code_signature: ecsCodeSignatureSchema.exactOptional(),
  pe: z
    .object({
      original_file_name: short.exactOptional(),
      imphash: md5Schema.exactOptional(),
      company: keyword.exactOptional(),
      product: keyword.exactOptional(),
      description: keyword.exactOptional(),
    })
    .exactOptional(),
  user: ecsUserSchema.exactOptional(),
  integrity_level: short.exactOptional(),
};

export const ecsParentProcessSchema = z.object(processFields);
export const ecsProcessSchema = z.object({
  ...processFields,
  parent: ecsParentProcessSchema.exactOptional(),
});
export type EcsProcess = z.infer<typeof ecsProcessSchema>;

export const ecsDllSchema = z.object({
  name: keyword.exactOptional(),
  path: keyword.exactOptional(),
  hash: ecsHashSchema.exactOptional(),
  code_signature: ecsCodeSignatureSchema.exactOptional(),
});

export const ecsRegistrySchema = z.object({
  hive: short.exactOptional(),
  key: keyword.exactOptional(),
  path: keyword.exactOptional(),
  value: keyword.exactOptional(),
  data: z
    .object({ type: short.exactOptional(), strings: z.array(longText).max(64).exactOptional() })
    .exactOptional(),
});

export const ecsDestinationSchema = z.object({
  address: keyword.exactOptional(),
  domain: keyword.exactOptional(),
  ip: short.exactOptional(),
  port: z.int().min(0).max(65_535).exactOptional(),
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
  action: short.exactOptional(),
  category: z.array(z.enum(eventCategories)).max(4).exactOptional(),
  type: z.array(short).max(8).exactOptional(),
  sequence: count.exactOptional(),
  code: short.exactOptional(),
  provider: short.exactOptional(),
});

/** One event of a process tree: a process start or what a process, named by `entity_id`, did. */
export const ecsEventSchema = z.object({
  '@timestamp': timestampSchema.exactOptional(),
  event: ecsEventFieldsSchema.exactOptional(),
  process: ecsProcessSchema.exactOptional(),
  file: ecsFileSchema.exactOptional(),
  dll: ecsDllSchema.exactOptional(),
  registry: ecsRegistrySchema.exactOptional(),
  destination: ecsDestinationSchema.exactOptional(),
  dns: z
    .object({
      question: z.object({ name: keyword.exactOptional(), type: short.exactOptional() }).exactOptional(),
    })
    .exactOptional(),
  url: z.object({ full: z.string().max(8192).exactOptional() }).exactOptional(),
  user: ecsUserSchema.exactOptional(),
  firebreak: z
    .object({ target: z.object({ process: z.object({ entity_id: short }) }).exactOptional() })
    .exactOptional(),
});
export type EcsEvent = z.infer<typeof ecsEventSchema>;

export const ecsHostSchema = z.object({
  id: short.exactOptional(),
  name: short.exactOptional(),
  hostname: short.exactOptional(),
  domain: short.exactOptional(),
  architecture: short.exactOptional(),
  ip: z.array(short).max(32).exactOptional(),
  os: z
    .object({
      family: short.exactOptional(),
      full: short.exactOptional(),
      kernel: short.exactOptional(),
      name: short.exactOptional(),
      platform: short.exactOptional(),
      type: short.exactOptional(),
      version: short.exactOptional(),
    })
    .exactOptional(),
});
export type EcsHost = z.infer<typeof ecsHostSchema>;
