import { z } from 'zod';
import {
  createEnrollmentKeySchema,
  createTenantSchema,
  createTokenSchema,
  createdEnrollmentKeySchema,
  createdTenantSchema,
  createdTokenSchema,
  deviceSchema,
  enrollmentKeySchema,
  listOf,
  patchDeviceSchema,
  patchTenantSchema,
  tenantSchema,
  tokenSchema,
} from '../http.ts';
import { deviceIdSchema, tenantIdSchema, timestampSchema } from '../ids.ts';
import type { Operation } from '../operation.ts';
import { answer, badPage, notFound, pageParameters, repeated } from './lists.ts';

/** Tenants, and the tokens, enrolment keys and devices of one. */

const operator = { kind: 'operator' } as const;
const admin = { kind: 'person', role: 'admin' } as const;
const viewer = { kind: 'person', role: 'viewer' } as const;
const page = z.strictObject(pageParameters);
const anyId = z.object({ id: z.uuid() });
const deviceId = z.object({ id: deviceIdSchema });

export const createTenantOperation = {
  id: 'createTenant',
  method: 'POST',
  path: '/v1/tenants',
  tag: 'tenants',
  summary: 'A new organization with its first enrolment key and administrator token, both shown once',
  access: operator,
  body: createTenantSchema,
  answers: { 201: answer('Created.', createdTenantSchema) },
} as const satisfies Operation;

export const listTenantsOperation = {
  id: 'listTenants',
  method: 'GET',
  path: '/v1/tenants',
  tag: 'tenants',
  summary: 'Organizations, newest first',
  access: operator,
  query: page,
  answers: { 200: answer('A page.', listOf(tenantSchema)), 400: badPage },
} as const satisfies Operation;

export const patchTenantOperation = {
  id: 'patchTenant',
  method: 'PATCH',
  path: '/v1/tenants/{id}',
  tag: 'tenants',
  summary: 'How much the organization’s testimony counts for others; `suspended` refuses its credentials',
  access: operator,
  params: z.object({ id: tenantIdSchema }),
  body: patchTenantSchema,
  answers: { 200: answer('As it is now.', tenantSchema), 404: notFound },
} as const satisfies Operation;

export const createTokenOperation = {
  id: 'createToken',
  method: 'POST',
  path: '/v1/tokens',
  tag: 'tokens',
  summary: 'A token for a person or service; the secret is shown once',
  access: admin,
  body: createTokenSchema,
  answers: { 201: answer('Created.', createdTokenSchema) },
} as const satisfies Operation;

export const listTokensOperation = {
  id: 'listTokens',
  method: 'GET',
  path: '/v1/tokens',
  tag: 'tokens',
  summary: 'Tokens, newest first, revoked ones included',
  access: admin,
  query: page,
  answers: { 200: answer('A page.', listOf(tokenSchema)), 400: badPage },
} as const satisfies Operation;

export const revokeTokenOperation = {
  id: 'revokeToken',
  method: 'DELETE',
  path: '/v1/tokens/{id}',
  tag: 'tokens',
  summary: 'Ends a token at once',
  access: admin,
  params: anyId,
  answers: { 204: { description: 'It is revoked.' }, 404: notFound },
} as const satisfies Operation;

export const createEnrollmentKeyOperation = {
  id: 'createEnrollmentKey',
  method: 'POST',
  path: '/v1/enrollment-keys',
  tag: 'enrolment keys',
  summary: 'A key with which devices enrol; the secret is shown once',
  access: admin,
  body: createEnrollmentKeySchema,
  answers: { 201: answer('Created.', createdEnrollmentKeySchema) },
} as const satisfies Operation;

export const listEnrollmentKeysOperation = {
  id: 'listEnrollmentKeys',
  method: 'GET',
  path: '/v1/enrollment-keys',
  tag: 'enrolment keys',
  summary: 'Enrolment keys, newest first, revoked ones included',
  access: admin,
  query: page,
  answers: { 200: answer('A page.', listOf(enrollmentKeySchema)), 400: badPage },
} as const satisfies Operation;

export const revokeEnrollmentKeyOperation = {
  id: 'revokeEnrollmentKey',
  method: 'DELETE',
  path: '/v1/enrollment-keys/{id}',
  tag: 'enrolment keys',
  summary: 'Ends a key at once; devices that enrolled with it stay',
  access: admin,
  params: anyId,
  answers: { 204: { description: 'It is revoked.' }, 404: notFound },
} as const satisfies Operation;

export const listDevicesOperation = {
  id: 'listDevices',
  method: 'GET',
  path: '/v1/devices',
  tag: 'devices',
  summary: 'Devices, newest first',
  access: viewer,
  query: z.strictObject({
    ...pageParameters,
    tag: repeated(z.string().max(200)),
    status: repeated(z.enum(['active', 'offboarded'])),
    lastSeenBefore: timestampSchema.optional().describe('Not seen since, or never.'),
  }),
  answers: { 200: answer('A page.', listOf(deviceSchema)), 400: badPage },
} as const satisfies Operation;

export const getDeviceOperation = {
  id: 'getDevice',
  method: 'GET',
  path: '/v1/devices/{id}',
  tag: 'devices',
  summary: 'One device',
  access: viewer,
  params: deviceId,
  answers: { 200: answer('The device.', deviceSchema), 404: notFound },
} as const satisfies Operation;

export const patchDeviceOperation = {
  id: 'patchDevice',
  method: 'PATCH',
  path: '/v1/devices/{id}',
  tag: 'devices',
  summary: 'Replaces the tags of a device',
  access: admin,
  params: deviceId,
  body: patchDeviceSchema,
  answers: { 200: answer('As it is now.', deviceSchema), 404: notFound },
} as const satisfies Operation;

export const offboardDeviceOperation = {
  id: 'offboardDevice',
  method: 'DELETE',
  path: '/v1/devices/{id}',
  tag: 'devices',
  summary: 'Takes a device out of service: its credential dies at once, its history stays',
  access: admin,
  params: deviceId,
  answers: { 204: { description: 'It is off-boarded.' }, 404: notFound },
} as const satisfies Operation;

export const tenancyOperations: readonly Operation[] = [
  createTenantOperation,
  listTenantsOperation,
  patchTenantOperation,
  createTokenOperation,
  listTokensOperation,
  revokeTokenOperation,
  createEnrollmentKeyOperation,
  listEnrollmentKeysOperation,
  revokeEnrollmentKeyOperation,
  listDevicesOperation,
  getDeviceOperation,
  patchDeviceOperation,
  offboardDeviceOperation,
];
