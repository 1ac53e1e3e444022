import { z } from 'zod';
import { sha256Schema } from '../artifact.ts';
import { listOf } from '../http.ts';
import { deviceIdSchema } from '../ids.ts';
import type { Operation } from '../operation.ts';
import { sampleItemSchema, takenSampleSchema } from '../sample.ts';
import { answer, badPage, notFound, pageParameters, problem, repeated, timeParameters } from './lists.ts';

/** Files that a device sends because a report’s result asks for them, and what people see of them. */

const params = z.object({ sha256: sha256Schema });

export const putSampleOperation = {
  id: 'putSample',
  method: 'PUT',
  path: '/v1/samples/{sha256}',
  tag: 'samples',
  summary:
    'Sends a file that a report’s result asked for (`"sample": { "wanted": true }`), within 30 seconds',
  access: { kind: 'device' },
  params,
  takesBytes: 'application/octet-stream',
  answers: {
    200: answer('The organization has sent it already; nothing was stored again.', takenSampleSchema),
    201: answer('Stored encrypted, and on its way to the analyser.', takenSampleSchema),
    400: problem('FB_HASH_MISMATCH: the bytes do not have this digest. FB_BODY_INVALID: it is not gzip.'),
    409: problem(
      'FB_CONSENT_FORBIDS: the policy does not allow it. FB_SAMPLE_UNREPORTED: report the file first. FB_SAMPLE_QUOTA, FB_SAMPLES_OFF.',
    ),
    413: problem('FB_SAMPLE_TOO_LARGE.'),
  },
} as const satisfies Operation;

export const listSamplesOperation = {
  id: 'listSamples',
  method: 'GET',
  path: '/v1/samples',
  tag: 'samples',
  summary: 'Samples that the organization’s devices have sent, newest first, with what was found in them',
  access: { kind: 'person', role: 'viewer' },
  query: z.strictObject({
    ...timeParameters,
    ...pageParameters,
    sha256: repeated(sha256Schema),
    state: repeated(sampleItemSchema.shape.state),
    device: repeated(deviceIdSchema),
  }),
  answers: { 200: answer('A page.', listOf(sampleItemSchema)), 400: badPage },
} as const satisfies Operation;

export const getSampleOperation = {
  id: 'getSample',
  method: 'GET',
  path: '/v1/samples/{sha256}',
  tag: 'samples',
  summary: 'One sample of the organization: what is known of it, never its bytes',
  access: { kind: 'person', role: 'viewer' },
  params,
  answers: { 200: answer('The sample.', sampleItemSchema), 404: notFound },
} as const satisfies Operation;

export const deleteSampleOperation = {
  id: 'deleteSample',
  method: 'DELETE',
  path: '/v1/samples/{sha256}',
  tag: 'samples',
  summary:
    'Deletes the bytes and what is known of them; decisions that rest on them stand, and the file is not asked for again before it would have expired',
  access: { kind: 'person', role: 'analyst' },
  params,
  answers: { 204: { description: 'It is gone.' }, 404: notFound },
} as const satisfies Operation;

export const sampleOperations: readonly Operation[] = [
  listSamplesOperation,
  getSampleOperation,
  deleteSampleOperation,
];
