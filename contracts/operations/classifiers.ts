import { z } from 'zod';
import { versionStateSchema } from '../classifier-versions.ts';
import { storedTimestampSchema } from '../ids.ts';
import type { Operation } from '../operation.ts';
import { answer, notFound } from './lists.ts';

/** Versions of classifiers side by side: what there is, how a challenger does, and which one decides. */

const operator = { kind: 'operator' } as const;
const classifierId = z.object({ id: z.string().regex(/^[a-z][a-z0-9-]{0,62}$/) });
const share = z.number().min(0).max(1).nullable();

export const listedVersionSchema = z
  .object({
    classifier: z.string(),
    version: z.string(),
    state: versionStateSchema.or(z.literal('dropped')),
    shipped: z.boolean().describe('It comes with the service.'),
    instances: z.int().describe('Processes that have it.'),
    silence: z.string().nullable().describe('Why it counts for nothing at present, where it is so.'),
  })
  .meta({ id: 'ClassifierVersion' });

export const classifierChangeSchema = z
  .object({
    classifier: z.string(),
    action: z.enum(['promote', 'drop']),
    version: z.string(),
    at: storedTimestampSchema,
    by: z.string(),
    comment: z.string(),
  })
  .meta({ id: 'ClassifierChange' });

export const classifierListSchema = z.object({
  versions: z.array(listedVersionSchema),
  instances: z.int().describe('Processes that classify and told of themselves within three minutes.'),
  refused: z.array(z.object({ folder: z.string(), reason: z.string(), instances: z.int() })),
  changes: z.array(classifierChangeSchema).describe('The newest twenty.'),
});

const knownSchema = z.object({
  malicious: z.int().describe('Artifacts that an analyst blocked.'),
  harmless: z.int().describe('Artifacts that an analyst allowed.'),
});

const sideSchema = z.object({
  version: z.string(),
  blocks: z.int().describe('Reports that it alone would block.'),
  unanswered: z.int(),
  known: z.object({ found: z.int(), falselyBlocked: z.int(), precision: share }),
  distribution: z.array(z.int()).length(10).describe('Reports by probability, in tenths.'),
});

export const comparisonSchema = z
  .object({
    classifier: z.string(),
    reports: z.int(),
    artifacts: z.int(),
    from: storedTimestampSchema.nullable(),
    to: storedTimestampSchema.nullable(),
    agreement: share.describe('Of the reports to which both would block, or neither.'),
    champion: sideSchema,
    challenger: sideSchema,
    known: knownSchema,
    onlyChampion: z.array(z.string()).max(20).describe('Some artifacts that it alone would block.'),
    onlyChallenger: z.array(z.string()).max(20),
  })
  .meta({ id: 'ClassifierComparison' });
export type Comparison = z.infer<typeof comparisonSchema>;

const choiceBodySchema = z.strictObject({
  version: z.string().min(1).max(64),
  by: z.string().min(1).max(100).describe('Who decided it.'),
  comment: z.string().min(1).max(1000).describe('Why.'),
});

export const listClassifiersOperation = {
  id: 'listClassifiers',
  method: 'GET',
  path: '/v1/classifiers',
  tag: 'operation',
  summary: 'Versions of classifiers that processes have, which of them decide, and who changed that',
  access: operator,
  answers: { 200: answer('As told within three minutes.', classifierListSchema) },
} as const satisfies Operation;

export const compareClassifierOperation = {
  id: 'compareClassifier',
  method: 'GET',
  path: '/v1/classifiers/{id}/comparison',
  tag: 'operation',
  summary: 'How a challenger does beside the champion, on the newest reports that both scored',
  access: operator,
  params: classifierId,
  query: z.strictObject({ version: z.string().max(64) }),
  answers: { 200: answer('The figures.', comparisonSchema), 404: notFound },
} as const satisfies Operation;

export const promoteClassifierOperation = {
  id: 'promoteClassifier',
  method: 'POST',
  path: '/v1/classifiers/{id}/promote',
  tag: 'operation',
  summary: 'Lets a version decide, in every process, within seconds; going back is the same call',
  access: operator,
  params: classifierId,
  body: choiceBodySchema,
  answers: { 200: answer('Written down and on its way.', classifierChangeSchema), 404: notFound },
} as const satisfies Operation;

export const dropClassifierOperation = {
  id: 'dropClassifier',
  method: 'POST',
  path: '/v1/classifiers/{id}/drop',
  tag: 'operation',
  summary: 'Ends the trial of a version; if it decides, the one that comes with the service does so again',
  access: operator,
  params: classifierId,
  body: choiceBodySchema,
  answers: { 200: answer('Written down and on its way.', classifierChangeSchema), 404: notFound },
} as const satisfies Operation;

export const classifierOperations: readonly Operation[] = [
  listClassifiersOperation,
  compareClassifierOperation,
  promoteClassifierOperation,
  dropClassifierOperation,
];
