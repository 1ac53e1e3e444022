import type { Operation } from '../operation.ts';
import { defaultPolicy, policySchema, policySettingsSchema } from '../policy.ts';
import { answer, problem } from './lists.ts';

/** How the organization's devices use entries. */

const { revision: _revision, ...defaultSettings } = defaultPolicy;

export const readPolicyOperation = {
  id: 'getPolicy',
  method: 'GET',
  path: '/v1/policy',
  tag: 'policy',
  summary: 'The policy of the organization; with `If-None-Match` only when it has changed',
  access: { kind: 'person', role: 'viewer' },
  answers: {
    200: answer('The policy; `ETag` is its revision. Revision 0: the defaults.', policySchema),
    304: { description: 'It is the one that the caller has.' },
  },
  examples: { answers: { 200: defaultPolicy } },
} as const satisfies Operation;

export const putPolicyOperation = {
  id: 'putPolicy',
  method: 'PUT',
  path: '/v1/policy',
  tag: 'policy',
  summary:
    'Replaces the policy that `If-Match` names by its `ETag`, all of it but the revision; the agents are told at once',
  access: { kind: 'person', role: 'admin' },
  body: policySettingsSchema,
  answers: {
    200: answer('In force, and on its way to the agents.', policySchema),
    412: problem('FB_PRECONDITION_FAILED: somebody else changed it; read it again.'),
    428: problem('FB_PRECONDITION_MISSING: send `If-Match`.'),
  },
  examples: {
    body: { ...defaultSettings, sampleConsent: 'never' },
    answers: { 200: { ...defaultPolicy, revision: 1, sampleConsent: 'never' } },
  },
} as const satisfies Operation;

export const policyOperations: readonly Operation[] = [readPolicyOperation, putPolicyOperation];
