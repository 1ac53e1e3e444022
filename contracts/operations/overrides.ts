import { z } from 'zod';
import { namedArtifactKeySchema } from '../canonical.ts';
import { auditItemSchema, createOverrideSchema, listOf, overrideSchema } from '../http.ts';
import { overrideIdSchema } from '../ids.ts';
import type { Operation } from '../operation.ts';
import { answer, badPage, notFound, pageParameters, problem, repeated, timeParameters } from './lists.ts';

/** What an analyst decides, and who changed what. */

export const createOverrideOperation = {
  id: 'createOverride',
  method: 'POST',
  path: '/v1/artifacts/{key}/overrides',
  tag: 'overrides',
  summary:
    'An analyst’s decision on an artifact: it travels at once, outlives later revisions, and replaces an earlier one with the same targets',
  access: { kind: 'person', role: 'analyst' },
  params: z.object({ key: namedArtifactKeySchema }),
  body: createOverrideSchema,
  answers: {
    201: answer('In force, and on its way to the agents.', overrideSchema),
    400: problem(
      'FB_BODY_INVALID: also a device that is not one of the organization, or an end that is past.',
    ),
    409: problem('FB_OVERRIDE_QUOTA: the organization has as many overrides as it may.'),
  },
} as const satisfies Operation;

export const listOverridesOperation = {
  id: 'listOverrides',
  method: 'GET',
  path: '/v1/overrides',
  tag: 'overrides',
  summary: 'Overrides, newest first, ended ones included',
  access: { kind: 'person', role: 'viewer' },
  query: z.strictObject({
    ...pageParameters,
    artifact: repeated(namedArtifactKeySchema),
    inForce: z.enum(['true', 'false']).optional().describe('Only those in force, or only those that ended.'),
  }),
  answers: { 200: answer('A page.', listOf(overrideSchema)), 400: badPage },
} as const satisfies Operation;

export const withdrawOverrideOperation = {
  id: 'withdrawOverride',
  method: 'DELETE',
  path: '/v1/overrides/{id}',
  tag: 'overrides',
  summary: 'Takes an override back; the agents are told at once',
  access: { kind: 'person', role: 'analyst' },
  params: z.object({ id: overrideIdSchema }),
  answers: { 204: { description: 'It has ended.' }, 404: notFound },
} as const satisfies Operation;

export const listAuditLogOperation = {
  id: 'listAuditLog',
  method: 'GET',
  path: '/v1/audit-log',
  tag: 'audit',
  summary: 'Who changed what, newest first',
  access: { kind: 'person', role: 'admin' },
  query: z.strictObject({
    ...timeParameters,
    ...pageParameters,
    action: repeated(z.string().min(1).max(100)),
    subject: repeated(z.string().min(1).max(400)),
  }),
  answers: { 200: answer('A page.', listOf(auditItemSchema)), 400: badPage },
} as const satisfies Operation;

export const overrideOperations: readonly Operation[] = [
  createOverrideOperation,
  listOverridesOperation,
  withdrawOverrideOperation,
  listAuditLogOperation,
];
