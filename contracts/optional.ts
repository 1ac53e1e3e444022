import type { z } from 'zod';

/**
 * A field that may be absent, used as `schema.apply(optional)`. In types it is zod's `exactOptional`. When parsing, that
 * one puts every absent field through its schema, only to discard the complaint: a third of what checking a report
 * costs, as most fields of most reports are absent.
 */
export function optional<Schema extends z.ZodType>(schema: Schema): z.ZodExactOptional<Schema> {
  return schema.optional() as unknown as z.ZodExactOptional<Schema>;
}
