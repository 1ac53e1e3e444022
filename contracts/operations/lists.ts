import { z } from 'zod';
import { problemSchema } from '../errors.ts';
import { timestampSchema } from '../ids.ts';
import { defaultLimits } from '../limits.ts';

/** What lists have in common. */

/** A filter that may be repeated: one of the values must fit. */
export function repeated<Item extends z.ZodType>(item: Item) {
  return z
    .union([item, z.array(item).min(1).max(100)])
    .transform((given) => (Array.isArray(given) ? given : [given]) as z.output<Item>[])
    .optional();
}

export const pageParameters = {
  after: z.string().max(1024).optional().describe('`next` of the page before.'),
  limit: z.coerce.number().int().min(1).max(defaultLimits.pageItems).default(defaultLimits.pageItemsDefault),
};

export const timeParameters = {
  from: timestampSchema.optional().describe('Recorded at this time or later.'),
  to: timestampSchema.optional().describe('Recorded before this time.'),
};

export function answer(description: string, schema: z.ZodType) {
  return { description, schema };
}

export function problem(description: string) {
  return { description, schema: problemSchema, mediaTypes: ['application/problem+json'] };
}

export const notFound = problem('FB_NOT_FOUND: there is no such thing, or not for this caller.');
export const badPage = problem('FB_QUERY_INVALID, or FB_CURSOR_INVALID: `after` is not of this list.');
