import { z } from 'zod';
import { defaultPolicy, policySchema } from '../policy.ts';
import {
  agentStatusSchema,
  deviceCredentialSchema,
  enrollDeviceSchema,
  enrolledDeviceSchema,
  lookupResultSchema,
  lookupSchema,
  reportBatchDocumentSchema,
  reportBatchResultSchema,
  reportBatchSchema,
  reportOutcomeSchema,
} from '../http.ts';
import { reportIdSchema } from '../ids.ts';
import type { Operation } from '../operation.ts';
import {
  exampleEnrolledDevice,
  exampleEnrollment,
  exampleLookupResult,
  exampleReport,
  exampleReportResult,
} from './ingest-examples.ts';
import { putSampleOperation } from './samples.ts';

/** What agents send: who they are, what they saw, what they ask. */

const device = { kind: 'device' } as const;

export const enrollDeviceOperation = {
  id: 'enrollDevice',
  method: 'POST',
  path: '/v1/devices',
  tag: 'agents',
  summary: 'Enrols a device; the credential is shown once',
  access: { kind: 'enrollment' },
  body: enrollDeviceSchema,
  answers: {
    200: {
      description:
        'The installation was enrolled before: same device, fresh credential, the old ones are dead.',
      schema: enrolledDeviceSchema,
    },
    201: { description: 'A new device.', schema: enrolledDeviceSchema },
  },
  examples: { body: exampleEnrollment, answers: { 201: exampleEnrolledDevice } },
} as const satisfies Operation;

export const renewCredentialOperation = {
  id: 'renewCredential',
  method: 'POST',
  path: '/v1/agent/credential',
  tag: 'agents',
  summary: 'A new credential; the old one lives until the new one is used, at most 24 hours',
  access: device,
  answers: { 201: { description: 'The new credential, shown once.', schema: deviceCredentialSchema } },
} as const satisfies Operation;

export const putStatusOperation = {
  id: 'putAgentStatus',
  method: 'PUT',
  path: '/v1/agent/status',
  tag: 'agents',
  summary: 'How the agent is: on change and once a day',
  access: device,
  body: agentStatusSchema,
  answers: { 204: { description: 'Noted.' } },
} as const satisfies Operation;

export const getPolicyOperation = {
  id: 'getAgentPolicy',
  method: 'GET',
  path: '/v1/agent/policy',
  tag: 'agents',
  summary: 'How the organization’s devices use entries; with `If-None-Match` only when it has changed',
  access: device,
  answers: {
    200: { description: 'The policy; `ETag` is its revision.', schema: policySchema },
    304: { description: 'It is the one that the agent has.' },
  },
  examples: { answers: { 200: defaultPolicy } },
} as const satisfies Operation;

export const sendReportsOperation = {
  id: 'sendReports',
  method: 'POST',
  path: '/v1/reports',
  tag: 'reports',
  summary:
    'Reports what the device saw; with `Prefer: wait=N` the answer is held until every verdict is decided',
  access: device,
  body: reportBatchSchema,
  bodyDocument: reportBatchDocumentSchema,
  answers: {
    200: {
      description: 'With `Prefer: wait=N`: every verdict is decided. `Preference-Applied` says so.',
      schema: reportBatchResultSchema,
    },
    202: {
      description: 'In the log, one result per report in order; verdicts may be `pending`.',
      schema: reportBatchResultSchema,
    },
  },
  examples: { body: exampleReport, answers: { 202: exampleReportResult } },
} as const satisfies Operation;

export const getReportOutcomeOperation = {
  id: 'getReportOutcome',
  method: 'GET',
  path: '/v1/reports/{id}',
  tag: 'reports',
  summary: 'What became of a report of this device',
  access: device,
  params: z.object({ id: reportIdSchema }),
  answers: { 200: { description: 'The outcome as it stands.', schema: reportOutcomeSchema } },
} as const satisfies Operation;

export const lookUpOperation = {
  id: 'lookUp',
  method: 'POST',
  path: '/v1/lookups',
  tag: 'reports',
  summary: 'What is in force for the device, without reporting anything',
  access: device,
  body: lookupSchema,
  answers: { 200: { description: 'One result per key in order.', schema: lookupResultSchema } },
  examples: { body: { keys: [exampleLookupResult.results[0].key] }, answers: { 200: exampleLookupResult } },
} as const satisfies Operation;

export const ingestOperations: readonly Operation[] = [
  enrollDeviceOperation,
  renewCredentialOperation,
  putStatusOperation,
  getPolicyOperation,
  sendReportsOperation,
  getReportOutcomeOperation,
  lookUpOperation,
  putSampleOperation,
];
