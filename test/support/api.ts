import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import {
  createdTenantSchema,
  enrolledDeviceSchema,
  reportBatchResultSchema,
  type ReportResult,
} from '../../contracts/http.ts';
import type { ReportInput } from '../../contracts/report.ts';

/** Raw calls, as any client in any language makes them. */
export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly body: unknown;
}

export interface CallOptions {
  readonly token?: string;
  readonly method?: string;
  readonly json?: unknown;
  readonly raw?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** After so long the call is given up; whoever answers may have heard it all the same. */
  readonly timeoutMs?: number;
}

export async function call(url: string, path: string, options: CallOptions = {}): Promise<Reply> {
  const { token, json, raw, headers = {} } = options;
  const body = json === undefined ? raw : JSON.stringify(json);
  const response = await fetch(new URL(path, url), {
    method: options.method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: typeof body === 'string' ? body : new Uint8Array(body) }),
    ...(options.timeoutMs !== undefined && { signal: AbortSignal.timeout(options.timeoutMs) }),
  });
  const text = await response.text();
  const isJson =
    /json/.test(response.headers.get('content-type') ?? '') &&
    !/ndjson/.test(response.headers.get('content-type') ?? '');
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson ? (JSON.parse(text) as unknown) : null,
  };
}

export interface TestTenant {
  readonly id: string;
  readonly adminToken: string;
  readonly enrollmentKey: string;
}

/** A new organization, established by the operator where asked for. */
export async function createTenant(
  url: string,
  operatorToken: string,
  name: string,
  trust: 'new' | 'established' = 'new',
): Promise<TestTenant> {
  const created = createdTenantSchema.parse(
    (await call(url, '/v1/tenants', { token: operatorToken, json: { name } })).body,
  );
  const { id } = created.tenant;
  if (trust === 'established')
    await call(url, `/v1/tenants/${id}`, { token: operatorToken, method: 'PATCH', json: { trust } });
  return { id, adminToken: created.adminToken, enrollmentKey: created.enrollmentKey };
}

export interface TestDevice {
  readonly id: string;
  readonly credential: string;
}

export async function enrollDevice(url: string, enrollmentKey: string, name: string): Promise<TestDevice> {
  const json = {
    installationId: `installation-${name}-${uuidv7()}`,
    host: { name, os: { type: 'windows' } },
    agent: { type: 'test', version: '1.0.0' },
    runningMode: 'active',
    capabilities: {
      kinds: ['file', 'script', 'command-line'],
      actions: ['block', 'block-and-remediate', 'allow'],
    },
  };
  const { device, credential } = enrolledDeviceSchema.parse(
    (await call(url, '/v1/devices', { token: enrollmentKey, json })).body,
  );
  return { id: device.id, credential };
}

/** A report with what every one has. */
export function reportOf(report: Pick<ReportInput, 'artifact'> & Partial<ReportInput>): ReportInput {
  return {
    id: uuidv7(),
    '@timestamp': new Date().toISOString(),
    detectionSource: 'edr',
    localAction: 'held',
    ...report,
  };
}

/** The service answered, and not as was asked. */
export class RefusedError extends Error {
  readonly status: number;
  constructor({ status, text }: Pick<Reply, 'status' | 'text'>) {
    super(`${status} ${text}`);
    this.status = status;
  }
}

export async function send(
  url: string,
  device: TestDevice,
  reports: readonly ReportInput[],
  waitSeconds?: number,
  timeoutMs?: number,
): Promise<readonly ReportResult[]> {
  const reply = await call(url, '/v1/reports', {
    token: device.credential,
    json: { sentAt: new Date().toISOString(), ecs: { version: '9.1' }, reports },
    headers: waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` },
    ...(timeoutMs !== undefined && { timeoutMs }),
  });
  if (reply.status >= 300) throw new RefusedError(reply);
  return reportBatchResultSchema.parse(reply.body).results;
}

export const itemsSchema = z.object({
  items: z.array(z.record(z.string(), z.unknown())),
  next: z.string().nullable(),
});
