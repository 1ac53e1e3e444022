import { FirebreakError } from '../../../contracts/errors.ts';
import { deviceIdSchema, tenantIdSchema } from '../../../contracts/ids.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import { buildOpenApi } from '../../../contracts/openapi.ts';
import { createHttpEvents } from '../../../platform/http/events.ts';
import type { Authenticator, Principal, Route } from '../../../platform/http/route.ts';
import { HttpServer, type HttpServerOptions } from '../../../platform/http/server.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';

export const tenantId = tenantIdSchema.parse('0193f1e0-0000-7000-8000-00000000000a');
export const otherTenantId = tenantIdSchema.parse('0193f1e0-0000-7000-8000-00000000000b');
export const deviceId = deviceIdSchema.parse('0193f1e0-0000-7000-8000-000000000001');
export const otherDeviceId = deviceIdSchema.parse('0193f1e0-0000-7000-8000-000000000002');

/** Callers by their token. */
export const principals: Readonly<Record<string, Principal>> = {
  operator: { kind: 'operator' },
  enrollment: {
    kind: 'enrollment',
    tenantId,
    keyId: '0193f1e0-0000-7000-8000-0000000000e1',
    tags: ['office'],
  },
  device: { kind: 'device', tenantId, deviceId, credentialId: '0193f1e0-0000-7000-8000-0000000000c1' },
  colleague: {
    kind: 'device',
    tenantId,
    deviceId: otherDeviceId,
    credentialId: '0193f1e0-0000-7000-8000-0000000000c2',
  },
  viewer: {
    kind: 'person',
    tenantId,
    tokenId: '0193f1e0-0000-7000-8000-0000000000f1',
    name: 'v',
    role: 'viewer',
  },
  admin: {
    kind: 'person',
    tenantId,
    tokenId: '0193f1e0-0000-7000-8000-0000000000f2',
    name: 'a',
    role: 'admin',
  },
};

const authenticator: Authenticator = {
  authenticate: async (token) => {
    if (token === 'expired') throw new FirebreakError('FB_CREDENTIAL_EXPIRED', 'Expired.');
    if (token === 'away')
      throw new FirebreakError('FB_DATABASE_UNAVAILABLE', 'db-7.internal refused 10.0.0.9');
    const principal = principals[token];
    if (principal === undefined) throw new FirebreakError('FB_CREDENTIAL_UNKNOWN', 'Unknown.');
    return principal;
  },
};

/** A real server on a free port, with the log lines it wrote. */
export async function serve(routes: readonly Route[], options: Partial<HttpServerOptions> = {}) {
  const lines: Record<string, unknown>[] = [];
  const metrics = createMetrics();
  const logger = createLogger({
    name: 'http',
    level: 'info',
    destination: { write: (line) => lines.push(JSON.parse(line) as Record<string, unknown>) },
  });
  const server = new HttpServer({
    host: '127.0.0.1',
    port: 0,
    routes,
    authenticator,
    limits: defaultLimits,
    events: createHttpEvents(metrics, logger),
    drainMs: 1000,
    metrics,
    metricsToken: null,
    openApi: buildOpenApi(
      routes.map(({ operation }) => operation),
      '0.0.0',
    ),
    ...options,
  });
  await server.start();
  const call = (token: string, path: string, init: RequestInit = {}) =>
    fetch(server.url + path, {
      ...init,
      headers: { authorization: `Bearer ${token}`, ...(init.headers as Record<string, string>) },
    });
  const post = (token: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
    call(token, path, {
      method: 'POST',
      body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
      headers: { 'content-type': 'application/json', ...headers },
    });
  return { server, url: server.url, stop: () => server.stop(), call, post, lines, metrics };
}
