import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { FirebreakError } from '../../../contracts/errors.ts';
import type { Operation } from '../../../contracts/operation.ts';
import { healthRoutes } from '../../../platform/http/system-routes.ts';
import { route, type Route } from '../../../platform/http/route.ts';
import type { Missing } from '../../../platform/lifecycle/start-parts.ts';
import { serve } from './serve.ts';

const base = { tag: 'test', summary: 'A test.', answers: { 200: { description: 'Done.' } } };
const device = { kind: 'device' } as const;
const get = { ...base, method: 'GET', access: device } as const;
const params = z.object({ id: z.uuid() });
const echo = {
  ...base,
  id: 'echo',
  method: 'POST',
  path: '/v1/echo',
  access: device,
  body: z.strictObject({ text: z.string(), nested: z.unknown().optional() }),
} as const satisfies Operation;
const read = {
  ...get,
  id: 'read',
  path: '/v1/things/{id}',
  access: { kind: 'person', role: 'analyst' },
  params,
  query: z.strictObject({ limit: z.coerce.number().int().max(10).default(5) }),
} as const satisfies Operation;
const readAsDevice = {
  ...get,
  id: 'readAsDevice',
  path: '/v1/things/{id}',
  params,
} as const satisfies Operation;
const held = { ...get, id: 'held', path: '/v1/held' } as const satisfies Operation;
const stream = {
  ...get,
  id: 'stream',
  path: '/v1/stream',
  access: { kind: 'device' },
} as const satisfies Operation;
const broken = { ...get, id: 'broken', path: '/v1/broken' } as const satisfies Operation;
const busy = { ...get, id: 'busy', path: '/v1/busy' } as const satisfies Operation;
const lines = { ...get, id: 'lines', path: '/v1/lines' } as const satisfies Operation;

const missing: Missing[] = [];
const aborted: string[] = [];
const routes: readonly Route[] = [
  route(echo, async ({ body, bodyBytes, principal }) => ({
    status: 200,
    json: { ...body, bodyBytes, device: principal.deviceId },
  })),
  route(read, async ({ params, query, principal }) => ({
    status: 200,
    json: { ...params, ...query, as: principal.role },
  })),
  route(readAsDevice, async ({ params }) => ({
    status: 200,
    json: { ...params, as: 'device' },
  })),
  route(held, async ({ signal, requestId }) => {
    await once(signal, 'abort');
    aborted.push(requestId);
    return { status: 202, json: { pending: true } };
  }),
  route(stream, async () => ({
    take: (response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end('event: ping\n\n');
    },
  })),
  route(broken, async () => {
    throw new TypeError('the table app.secret_table is gone');
  }),
  route(busy, async () => {
    throw new FirebreakError('FB_RATE_LIMITED', 'Slower.', { retryAfterMs: 5000 });
  }),
  route(lines, async () => ({
    status: 200,
    mediaType: 'application/x-ndjson',
    content: (async function* () {
      yield '{"a":1}\n';
      await sleep(1);
      yield '{"a":2}\n';
    })(),
  })),
  ...healthRoutes(() => missing),
];

let running: Awaited<ReturnType<typeof serve>>;
beforeAll(async () => {
  running = await serve(routes, {
    limits: {
      bodyBytes: 4096,
      waitingBodyBytes: 1_000_000,
      inflatedBodyBytes: 16_384,
      depth: 5,
      sampleBytes: 100_000,
      detonationBytes: 100_000,
    },
  });
});
afterAll(() => running.stop());

const problemOf = async (response: Response) => {
  expect(response.headers.get('content-type')).toContain('application/problem+json');
  return (await response.json()) as {
    code: string;
    status: number;
    detail: string;
    requestId: string;
    errors?: unknown;
  };
};

describe('a request that is in order', () => {
  test('reaches its handler parsed, and the answer carries the date', async () => {
    const response = await running.post('device', '/v1/echo', { text: 'hällo' });
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ text: 'hällo', bodyBytes: 17 });
    expect(Date.parse(response.headers.get('date') ?? '')).not.toBeNaN();
  });

  test('is inflated when it is gzip', async () => {
    const body = gzipSync(JSON.stringify({ text: 'x'.repeat(5000) }));
    const response = await running.post('device', '/v1/echo', body, { 'content-encoding': 'gzip' });
    expect(await response.json()).toMatchObject({ bodyBytes: 5011 });
  });

  test('of one path is answered by who calls', async () => {
    const path = '/v1/things/0193f1e0-0000-7000-8000-000000000001';
    expect(await (await running.call('admin', `${path}?limit=7`)).json()).toMatchObject({
      limit: 7,
      as: 'admin',
    });
    expect(await (await running.call('device', path)).json()).toMatchObject({ as: 'device' });
  });

  test('may be answered by a stream of text or by the route itself', async () => {
    const ndjson = await running.call('device', '/v1/lines');
    expect(ndjson.headers.get('content-type')).toBe('application/x-ndjson');
    expect(await ndjson.text()).toBe('{"a":1}\n{"a":2}\n');
    const events = await running.call('device', '/v1/stream');
    expect(events.headers.get('date')).not.toBeNull();
    expect(await events.text()).toBe('event: ping\n\n');
  });
});

describe('a request that is not', () => {
  const text = (body: string) => ({ body, headers: {} });
  test.each([
    ['not JSON', text('{"text":'), 400, 'FB_BODY_NOT_JSON'],
    ['an empty body', text(''), 400, 'FB_BODY_NOT_JSON'],
    ['two documents', text('{} {}'), 400, 'FB_BODY_NOT_JSON'],
    [
      'bytes that are not UTF-8',
      { body: Buffer.from([0x22, 0xff, 0x22]), headers: {} },
      400,
      'FB_BODY_NOT_JSON',
    ],
    ['a wrong type', text('{"text":5}'), 400, 'FB_BODY_INVALID'],
    ['an unknown key', text('{"text":"a","more":1}'), 400, 'FB_BODY_INVALID'],
    ['a list where an object belongs', text('[]'), 400, 'FB_BODY_INVALID'],
    ['deep nesting', text(`{"text":"a","nested":${'['.repeat(5)}${']'.repeat(5)}}`), 400, 'FB_BODY_TOO_DEEP'],
    ['endless nesting', text('['.repeat(4000)), 400, 'FB_BODY_TOO_DEEP'],
    ['__proto__', text('{"text":"a","nested":{"__proto__":{"admin":true}}}'), 400, 'FB_BODY_INVALID'],
    [
      'an escaped __proto__',
      text('{"text":"a","nested":{"\\u005f_pr\\u006Fto__" : 1}}'),
      400,
      'FB_BODY_INVALID',
    ],
    ['constructor', text('{"text":"a","nested":{"constructor":{"prototype":1}}}'), 400, 'FB_BODY_INVALID'],
    ['too many bytes', text(JSON.stringify({ text: 'x'.repeat(5000) })), 413, 'FB_BODY_TOO_LARGE'],
    [
      'a bomb',
      { body: gzipSync('0'.repeat(1_000_000)), headers: { 'content-encoding': 'gzip' } },
      413,
      'FB_BODY_TOO_LARGE',
    ],
    ['broken gzip', { body: 'nonsense', headers: { 'content-encoding': 'gzip' } }, 400, 'FB_BODY_NOT_JSON'],
    ['another encoding', { body: '{}', headers: { 'content-encoding': 'br' } }, 415, 'FB_MEDIA_TYPE'],
    ['another type', { body: '{}', headers: { 'content-type': 'text/xml' } }, 415, 'FB_MEDIA_TYPE'],
    [
      'another charset',
      { body: '{}', headers: { 'content-type': 'application/json; charset=latin1' } },
      415,
      'FB_MEDIA_TYPE',
    ],
  ])('%s is refused', async (_name, { body, headers }, status, code) => {
    const response = await running.post('device', '/v1/echo', body, headers);
    expect(await problemOf(response)).toMatchObject({ status, code });
    expect(response.status).toBe(status);
  });

  test('prototype words as values are taken', async () => {
    const body = { text: '__proto__ "constructor": prototype', nested: ['__proto__', 'constructor'] };
    expect((await running.post('device', '/v1/echo', body)).status).toBe(200);
  });

  test('names what is wrong with JSON pointers', async () => {
    const problem = await problemOf(await running.post('device', '/v1/echo', { text: 5, more: 1 }));
    expect(problem.errors).toEqual([
      { pointer: '/text', detail: expect.any(String) },
      { pointer: '/more', detail: 'This key is not known here.' },
    ]);
    expect(problem.requestId).toMatch(/^[0-9a-f-]{36}$/);
  });

  test.each([
    ['no credential', '', 401, 'FB_CREDENTIAL_MISSING'],
    ['an unknown one', 'nobody', 401, 'FB_CREDENTIAL_UNKNOWN'],
    ['an expired one', 'expired', 401, 'FB_CREDENTIAL_EXPIRED'],
    ['one of another kind', 'operator', 403, 'FB_ROLE_INSUFFICIENT'],
    ['the database away', 'away', 503, 'FB_DATABASE_UNAVAILABLE'],
  ])('with %s is refused before its body is read', async (_name, token, status, code) => {
    const response = await running.post(token, '/v1/echo', '{"text":');
    expect(await problemOf(response)).toMatchObject({ status, code });
    expect(response.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer realm="firebreak"' : null);
  });

  test.each([
    ['a role below', 'viewer', '', 403, 'FB_ROLE_INSUFFICIENT'],
    ['an unknown parameter', 'admin', '?limit=1&odd=2', 400, 'FB_QUERY_INVALID'],
    ['a bad parameter', 'admin', '?limit=many', 400, 'FB_QUERY_INVALID'],
    ['a parameter where none is taken', 'device', '?limit=1', 400, 'FB_QUERY_INVALID'],
  ])('with %s is refused', async (_name, token, query, status, code) => {
    const response = await running.call(token, `/v1/things/0193f1e0-0000-7000-8000-000000000001${query}`);
    expect(await problemOf(response)).toMatchObject({ status, code });
  });

  test.each([
    ['a thing with a bad id', '/v1/things/5', 400, 'FB_QUERY_INVALID'],
    ['a path that is not encoded right', '/v1/things/%zz', 400, 'FB_QUERY_INVALID'],
    ['a thing with a long id', `/v1/things/${'x'.repeat(2000)}`, 400, 'FB_QUERY_INVALID'],
    ['nothing', '/v1/nothing', 404, 'FB_NOT_FOUND'],
    ['a path that has another method', '/v1/echo', 405, 'FB_METHOD_NOT_ALLOWED'],
  ])('to %s is refused', async (_name, path, status, code) => {
    const response = await running.call('admin', path);
    expect(await problemOf(response)).toMatchObject({ status, code });
    if (status === 405) expect(response.headers.get('allow')).toBe('POST');
  });

  test.each(['/docs', '/openapi.json', '/metrics'])('%s takes GET and HEAD, and tells so', async (path) => {
    const [got, head, put] = await Promise.all(
      ['GET', 'HEAD', 'PUT'].map((method) => fetch(running.url + path, { method })),
    );
    expect([got?.status, head?.status, put?.status]).toEqual([200, 200, 405]);
    expect(head?.headers.get('content-type')).toBe(got?.headers.get('content-type'));
    expect(put?.headers.get('allow')).toBe('GET');
  });

  test('to nowhere with a body is 404 too', async () => {
    expect((await running.post('device', '/v1/nothing', { a: 1 })).status).toBe(404);
  });

  test('as bytes that are not HTTP is answered and closed', async () => {
    const { hostname, port } = new URL(running.url);
    const socket = connect(Number(port), hostname);
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    socket.write('GET / HTTP/1.1\r\nbad header\r\n\r\n');
    await once(socket, 'close');
    expect(received).toMatch(/^HTTP\/1\.1 400 [^]*FB_HEADER_INVALID/);
  });
});

describe('failures', () => {
  test('a bug is told to the log, and only its request id to the caller', async () => {
    const problem = await problemOf(await running.call('device', '/v1/broken'));
    expect(problem).toMatchObject({
      status: 500,
      code: 'FB_INTERNAL',
      detail: 'Report it with `requestId`.',
    });
    const line = running.lines.find(({ requestId }) => requestId === problem.requestId);
    expect(line).toMatchObject({ level: 'error', error: { message: 'the table app.secret_table is gone' } });
  });

  test('server errors do not leak what they met', async () => {
    const response = await running.call('away', '/v1/held');
    expect(JSON.stringify(await response.json())).not.toContain('internal');
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  });

  test('Retry-After is what the error says, spread over twice the time', async () => {
    const response = await running.call('device', '/v1/busy');
    expect(response.status).toBe(429);
    const seconds = Number(response.headers.get('retry-after'));
    expect(seconds).toBeGreaterThanOrEqual(5);
    expect(seconds).toBeLessThanOrEqual(10);
  });

  test('the signal aborts when the caller goes away', async () => {
    const before = aborted.length;
    const leave = new AbortController();
    const call = running.call('device', '/v1/held', { signal: leave.signal }).catch(() => 'left');
    await sleep(50);
    leave.abort();
    expect(await call).toBe('left');
    while (aborted.length === before) await sleep(5);
  });
});

describe('service addresses', () => {
  test('liveness and readiness, which names what is missing', async () => {
    expect((await fetch(`${running.url}/health/live`)).status).toBe(200);
    expect((await fetch(`${running.url}/health/live`, { method: 'HEAD' })).status).toBe(200);
    expect(await (await fetch(`${running.url}/health/ready`)).json()).toEqual({ ready: true, missing: [] });
    missing.push({ part: 'view', why: 'it still reads the log' });
    const response = await fetch(`${running.url}/health/ready`);
    expect(response.status).toBe(503);
    expect(await response.json()).toEqual({
      ready: false,
      missing: [{ part: 'view', why: 'it still reads the log' }],
    });
    missing.length = 0;
  });

  test('metrics are for this machine, not for a proxy on it', async () => {
    const response = await fetch(`${running.url}/metrics`);
    expect(await response.text()).toContain('firebreak_http_requests_total{operation="echo",status="200"}');
    const passedOn = await fetch(`${running.url}/metrics`, { headers: { 'x-forwarded-for': '203.0.113.7' } });
    expect(passedOn.status).toBe(401);
  });

  test('the OpenAPI document and its page come from here alone', async () => {
    expect(await (await fetch(`${running.url}/openapi.json`)).json()).toMatchObject({ openapi: '3.1.1' });
    const page = await fetch(`${running.url}/docs`);
    const html = await page.text();
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    expect(html).toContain('/v1/things/{id}');
    expect(html).not.toMatch(/<script|(?:src|href)="(?:https?:)?\/\//);
  });
});

describe('starting and stopping', () => {
  test('a metrics token replaces the place', async () => {
    const other = await serve([], { metricsToken: 't'.repeat(40) });
    expect((await fetch(`${other.url}/metrics`)).status).toBe(401);
    expect((await other.call('wrong', '/metrics')).status).toBe(401);
    expect((await other.call('t'.repeat(40), '/metrics')).status).toBe(200);
    await other.stop();
  });

  test('a port in use is one sentence with a code', async () => {
    const port = Number(new URL(running.url).port);
    await expect(serve([], { port })).rejects.toMatchObject({
      code: 'FB_PORT_IN_USE',
      message: `Something listens on 127.0.0.1:${port} already.`,
    });
  });

  test('stopping answers the held calls, then closes', async () => {
    const other = await serve(routes);
    const waiting = other.call('device', '/v1/held');
    await sleep(50);
    await other.stop();
    expect((await waiting).status).toBe(202);
    await expect(fetch(`${other.url}/health/live`)).rejects.toThrow();
  });

  test('a connection that never asked for anything does not keep it waiting', async () => {
    const other = await serve(routes, { drainMs: 60_000 });
    const { hostname, port } = new URL(other.url);
    const idle = connect(Number(port), hostname).resume();
    await once(idle, 'connect');
    const begun = connect(Number(port), hostname).resume();
    begun.write('GET /health/live HTTP/1.1\r\n');
    const closed = Promise.all([once(idle, 'close'), once(begun, 'close')]);
    await sleep(50);
    await other.stop();
    await closed;
  });

  test('a call that never ends does not keep it from stopping', async () => {
    const endless = route(held, () => new Promise(() => undefined));
    const other = await serve([endless], { drainMs: 50 });
    const waiting = other.call('device', '/v1/held').catch(() => 'cut');
    await sleep(50);
    await other.stop();
    expect(await waiting).toBe('cut');
  });
});
