import { enroll } from '../../agent/sdk/enrollment.ts';
import { callService, type ServiceAddress, type ServiceRequest } from '../../agent/sdk/service-call.ts';
import type { DeviceId, TenantId } from '../../contracts/ids.ts';
import { createdTenantSchema, createdTokenSchema, tenantSchema } from '../../contracts/http.ts';
import { randomUUID } from 'node:crypto';
import type { ScenarioTenant } from './scenario.ts';
import type { ServiceProcess } from './service-process.ts';

export interface EnrolledDemoDevice {
  readonly tenant: string;
  readonly name: string;
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
  readonly credential: string;
}

export interface Organization {
  readonly key: string;
  readonly name: string;
  readonly trust: string;
  readonly adminToken: string;
  readonly analystToken: string;
  readonly devices: readonly EnrolledDemoDevice[];
}

/** One call whose answer is wanted. */
export async function request<Answer>(
  address: ServiceAddress,
  call: ServiceRequest<Answer> & { readonly answer: NonNullable<ServiceRequest<Answer>['answer']> },
): Promise<Answer> {
  const { value } = await callService(address, call);
  if (value === undefined) throw new Error(`${call.method} ${call.path} has an empty answer`);
  return value;
}

/** Makes an organization as an operator does, an analyst as its administrator does, and enrols its devices as they do. */
export async function foundOrganization(
  { baseUrl, operatorToken }: ServiceProcess,
  { key, name, trust }: ScenarioTenant,
  deviceCount: number,
): Promise<Organization> {
  const operator = { baseUrl, token: operatorToken };
  const { tenant, enrollmentKey, adminToken } = await request(operator, {
    method: 'POST',
    path: '/v1/tenants',
    body: { name },
    answer: createdTenantSchema,
  });
  if (trust !== tenant.trust) {
    const path = `/v1/tenants/${tenant.id}`;
    await request(operator, { method: 'PATCH', path, body: { trust }, answer: tenantSchema });
  }
  const { secret: analystToken } = await request(
    { baseUrl, token: adminToken },
    {
      method: 'POST',
      path: '/v1/tokens',
      body: { name: 'demo analyst', role: 'analyst' },
      answer: createdTokenSchema,
    },
  );
  const devices = await Promise.all(
    Array.from({ length: deviceCount }, async (_, index) => {
      const deviceName = `${key}-${String(index + 1).padStart(2, '0')}`;
      const enrolled = await enroll(
        { baseUrl, token: enrollmentKey },
        { installationId: randomUUID(), host: { hostname: deviceName, os: { type: 'windows' } } },
      );
      const { device, credential } = enrolled;
      return { tenant: key, name: deviceName, tenantId: device.tenantId, deviceId: device.id, credential };
    }),
  );
  return { key, name, trust, adminToken, analystToken, devices };
}
