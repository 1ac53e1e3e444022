import { z } from 'zod';
import { md5Schema, sha1Schema, sha256Schema } from '../artifact.ts';
import { namedArtifactKeySchema } from '../canonical.ts';
import {
  actionSchema,
  artifactKindSchema,
  detectionSourceSchema,
  localActionSchema,
  reachSchema,
  severitySchema,
  verdictSchema,
} from '../domain.ts';
import {
  artifactDeviceSchema,
  artifactItemSchema,
  artifactViewSchema,
  decisionViewSchema,
  listOf,
  reportItemSchema,
  reportViewSchema,
  verdictItemSchema,
  verdictViewSchema,
} from '../http.ts';
import { deviceIdSchema, entryIdSchema, reportIdSchema } from '../ids.ts';
import type { Operation } from '../operation.ts';
import { answer, badPage, notFound, pageParameters, repeated, timeParameters } from './lists.ts';

/** What was reported, what was decided, and why. */

const viewer = { kind: 'person', role: 'viewer' } as const;
const name = z.string().min(1).max(400);
const anyHash = z.union([sha256Schema, sha1Schema, md5Schema]);

export const listVerdictsOperation = {
  id: 'listVerdicts',
  method: 'GET',
  path: '/v1/verdicts',
  tag: 'history',
  summary:
    'Decisions of the organization and wide ones that touched it, newest first; CSV and NDJSON by `Accept`',
  access: viewer,
  query: z.strictObject({
    ...timeParameters,
    ...pageParameters,
    artifact: repeated(z.union([namedArtifactKeySchema, anyHash])).describe('An artifact key or any hash.'),
    kind: repeated(artifactKindSchema),
    verdict: repeated(verdictSchema),
    action: repeated(actionSchema),
    reach: repeated(reachSchema),
    device: repeated(deviceIdSchema),
    classifier: repeated(z.string().min(1).max(64)).describe('It gave a score.'),
    detectionSource: repeated(detectionSourceSchema),
    threatName: repeated(z.string().min(1).max(200)),
    severity: repeated(severitySchema),
  }),
  answers: {
    200: {
      description: 'A page; as CSV or NDJSON the next one stands in `Link`.',
      schema: listOf(verdictItemSchema),
      mediaTypes: ['application/json', 'text/csv', 'application/x-ndjson'],
    },
    400: badPage,
  },
} as const satisfies Operation;

export const getVerdictOperation = {
  id: 'getVerdict',
  method: 'GET',
  path: '/v1/verdicts/{id}',
  tag: 'history',
  summary: 'One verdict with its revisions, newest first',
  access: viewer,
  params: z.object({ id: entryIdSchema }),
  answers: { 200: answer('The verdict.', verdictViewSchema), 404: notFound },
} as const satisfies Operation;

export const getRevisionOperation = {
  id: 'getRevision',
  method: 'GET',
  path: '/v1/verdicts/{id}/revisions/{revision}',
  tag: 'history',
  summary: 'The record of a decision: scores, signals, terms, thresholds, steps, and the sum in words',
  access: viewer,
  params: z.object({ id: entryIdSchema, revision: z.coerce.number().int().min(0).max(2_147_483_647) }),
  answers: { 200: answer('The record.', decisionViewSchema), 404: notFound },
} as const satisfies Operation;

export const listArtifactsOperation = {
  id: 'listArtifacts',
  method: 'GET',
  path: '/v1/artifacts',
  tag: 'history',
  summary: 'Artifacts that the organization has seen, by hash, name or signer; at least one of them',
  access: viewer,
  query: z.strictObject({
    ...pageParameters,
    hash: repeated(anyHash),
    fileName: repeated(name).describe('The whole name; upper and lower case are the same.'),
    signer: repeated(name),
  }),
  answers: { 200: answer('A page.', listOf(artifactItemSchema)), 400: badPage },
} as const satisfies Operation;

export const getArtifactOperation = {
  id: 'getArtifact',
  method: 'GET',
  path: '/v1/artifacts/{key}',
  tag: 'history',
  summary: 'What is known of an artifact: prevalence, names, what is in force, timeline, reports, relations',
  access: viewer,
  params: z.object({ key: namedArtifactKeySchema }),
  answers: { 200: answer('The artifact.', artifactViewSchema), 404: notFound },
} as const satisfies Operation;

export const listArtifactDevicesOperation = {
  id: 'listArtifactDevices',
  method: 'GET',
  path: '/v1/artifacts/{key}/devices',
  tag: 'history',
  summary: 'Devices of the organization that reported the artifact',
  access: viewer,
  params: z.object({ key: namedArtifactKeySchema }),
  query: z.strictObject(pageParameters),
  answers: { 200: answer('A page.', listOf(artifactDeviceSchema)), 400: badPage },
} as const satisfies Operation;

export const listReportsOperation = {
  id: 'listReports',
  method: 'GET',
  path: '/v1/reports',
  tag: 'reports',
  summary: 'What the devices of the organization reported, newest first',
  access: viewer,
  query: z.strictObject({
    ...timeParameters,
    ...pageParameters,
    artifact: repeated(z.union([namedArtifactKeySchema, anyHash])).describe('An artifact key or any hash.'),
    kind: repeated(artifactKindSchema),
    device: repeated(deviceIdSchema),
    detectionSource: repeated(detectionSourceSchema),
    localAction: repeated(localActionSchema),
  }),
  answers: { 200: answer('A page.', listOf(reportItemSchema)), 400: badPage },
} as const satisfies Operation;

export const getReportOperation = {
  id: 'getReport',
  method: 'GET',
  path: '/v1/reports/{id}',
  tag: 'reports',
  summary: 'The whole report, and what is known of its artifact now',
  access: viewer,
  params: z.object({ id: reportIdSchema }),
  answers: {
    200: answer('The report.', reportViewSchema),
    404: notFound,
  },
} as const satisfies Operation;

export const historyOperations: readonly Operation[] = [
  listVerdictsOperation,
  getVerdictOperation,
  getRevisionOperation,
  listArtifactsOperation,
  getArtifactOperation,
  listArtifactDevicesOperation,
  listReportsOperation,
  getReportOperation,
];
