import { z } from 'zod';
import { errorCodeSchema } from '../errors.ts';
import { storedTimestampSchema } from '../ids.ts';
import type { Operation } from '../operation.ts';
import { deadLetterSchema } from '../records.ts';
import { answer, notFound } from './lists.ts';

/** What could not be processed: listed without its content, and put back where it came from. */

const operator = { kind: 'operator' } as const;

export const deadLetterItemSchema = deadLetterSchema
  .pick({ topic: true, partition: true, offset: true, group: true, detail: true })
  .extend({
    at: z.string().describe('Its place in the dead letters: partition and offset.'),
    code: errorCodeSchema,
    sizeBytes: z.int().nonnegative(),
    failedAt: storedTimestampSchema,
  })
  .meta({ id: 'DeadLetterItem' });

export const listDeadLettersOperation = {
  id: 'listDeadLetters',
  method: 'GET',
  path: '/v1/dead-letters',
  tag: 'operation',
  summary: 'Records that could not be processed, newest first, without their content',
  access: operator,
  query: z.strictObject({
    topic: z.string().max(128).optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(100),
  }),
  answers: {
    200: answer('The newest ones.', z.object({ items: z.array(deadLetterItemSchema), total: z.int() })),
  },
} as const satisfies Operation;

export const replayDeadLetterOperation = {
  id: 'replayDeadLetter',
  method: 'POST',
  path: '/v1/dead-letters/{at}/replay',
  tag: 'operation',
  summary: 'Puts the untouched record back at the end of its topic; every effect is idempotent',
  access: operator,
  params: z.object({ at: z.string().regex(/^\d{1,4}-\d{1,15}$/) }),
  answers: {
    200: answer('Appended.', z.object({ topic: z.string(), partition: z.int(), offset: z.int() })),
    404: notFound,
  },
} as const satisfies Operation;

export const deadLetterOperations: readonly Operation[] = [
  listDeadLettersOperation,
  replayDeadLetterOperation,
];
