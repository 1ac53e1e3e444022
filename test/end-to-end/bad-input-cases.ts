import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { v7 as uuidv7 } from 'uuid';
import type { ErrorCode } from '../../contracts/errors.ts';
import { reportOf, type CallOptions } from '../support/api.ts';

export function command(text: string) {
  return { artifact: { kind: 'command-line' as const, text } };
}

export const envelope = (reports: unknown) => ({
  sentAt: new Date().toISOString(),
  ecs: { version: '9.1' },
  reports,
});
export const good = () => reportOf(command('hostname'));
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const rawReport = (more: string) =>
  JSON.stringify(envelope([good()])).replace('"reports"', `${more},"reports"`);
const gzip = { 'content-encoding': 'gzip' };

/** [what is wrong, how it is sent, status, code] */
export const bodies: readonly (readonly [string, () => CallOptions, number, ErrorCode])[] = [
  ['not JSON', () => ({ raw: '{"reports":' }), 400, 'FB_BODY_NOT_JSON'],
  ['two documents', () => ({ raw: '{}{}' }), 400, 'FB_BODY_NOT_JSON'],
  ['an empty body', () => ({ raw: '', method: 'POST' }), 400, 'FB_BODY_NOT_JSON'],
  [
    'bytes that are not UTF-8',
    () => ({ raw: Buffer.from([0x22, 0xff, 0xfe, 0x22]) }),
    400,
    'FB_BODY_NOT_JSON',
  ],
  ['what only claims to be gzip', () => ({ raw: '{}', headers: gzip }), 400, 'FB_BODY_NOT_JSON'],
  ['a text', () => ({ json: 'reports' }), 400, 'FB_BODY_INVALID'],
  ['null', () => ({ raw: 'null' }), 400, 'FB_BODY_INVALID'],
  ['a list', () => ({ json: [good()] }), 400, 'FB_BODY_INVALID'],
  ['reports that are no list', () => ({ json: envelope(good()) }), 400, 'FB_BODY_INVALID'],
  ['no report', () => ({ json: envelope([]) }), 400, 'FB_BODY_INVALID'],
  ['501 reports', () => ({ json: envelope(Array.from({ length: 501 }, good)) }), 400, 'FB_BODY_INVALID'],
  [
    'a key that is not ours',
    () => ({ json: { ...envelope([good()]), tenantId: uuidv7() } }),
    400,
    'FB_BODY_INVALID',
  ],
  [
    'a time that is none',
    () => ({ json: { ...envelope([good()]), sentAt: '2026-02-30T00:00:00Z' } }),
    400,
    'FB_BODY_INVALID',
  ],
  ['no time', () => ({ json: { reports: [good()] } }), 400, 'FB_BODY_INVALID'],
  ['a key __proto__', () => ({ raw: rawReport('"__proto__":{"isAdmin":true}') }), 400, 'FB_BODY_INVALID'],
  ['a key __proto__ in escapes', () => ({ raw: rawReport('"\\u005f_proto__":{}') }), 400, 'FB_BODY_INVALID'],
  ['a key constructor', () => ({ raw: rawReport('"constructor":{"prototype":{}}') }), 400, 'FB_BODY_INVALID'],
  ['a deep body', () => ({ raw: nested(13) }), 400, 'FB_BODY_TOO_DEEP'],
  ['a body of a million levels', () => ({ raw: nested(1_000_000) }), 400, 'FB_BODY_TOO_DEEP'],
  ['a body over 2 MiB', () => ({ json: envelope(['x'.repeat(2 * 1024 * 1024)]) }), 413, 'FB_BODY_TOO_LARGE'],
  [
    'a gzip bomb',
    () => ({ raw: gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20)), headers: gzip }),
    413,
    'FB_BODY_TOO_LARGE',
  ],
  [
    'another media type',
    () => ({ json: {}, headers: { 'content-type': 'text/plain' } }),
    415,
    'FB_MEDIA_TYPE',
  ],
  [
    'another charset',
    () => ({ json: {}, headers: { 'content-type': 'application/json; charset=latin1' } }),
    415,
    'FB_MEDIA_TYPE',
  ],
  ['another encoding', () => ({ json: {}, headers: { 'content-encoding': 'br' } }), 415, 'FB_MEDIA_TYPE'],
];

/** [what is wrong with one report, the report, code] */
export const reports: readonly (readonly [string, () => unknown, ErrorCode])[] = [
  ['is a number', () => 7, 'FB_BODY_INVALID'],
  ['is null', () => null, 'FB_BODY_INVALID'],
  ['has an id that is no UUID', () => ({ ...good(), id: 'one' }), 'FB_BODY_INVALID'],
  ['has a key that is not ours', () => ({ ...good(), verdict: 'malicious' }), 'FB_BODY_INVALID'],
  ['has a time that is none', () => ({ ...good(), '@timestamp': 'yesterday' }), 'FB_BODY_INVALID'],
  [
    'is of a day that does not exist',
    () => ({ ...good(), '@timestamp': '2026-13-01T00:00:00Z' }),
    'FB_BODY_INVALID',
  ],
  ['is of the year 0', () => ({ ...good(), '@timestamp': '0000-01-01T00:00:00Z' }), 'FB_BODY_INVALID'],
  ['has an unknown source', () => ({ ...good(), detectionSource: 'gut feeling' }), 'FB_BODY_INVALID'],
  ['has an unknown kind', () => ({ ...good(), artifact: { kind: 'rumour', value: 'x' } }), 'FB_BODY_INVALID'],
  [
    'has a digest that is none',
    () => ({ ...good(), artifact: { kind: 'file', hash: { sha256: 'xyz' } } }),
    'FB_BODY_INVALID',
  ],
  ['names nothing', () => ({ ...good(), artifact: { kind: 'file' } }), 'FB_ARTIFACT_UNIDENTIFIED'],
  [
    'has a domain that is none',
    () => ({ ...good(), artifact: { kind: 'domain', value: 'not a domain' } }),
    'FB_ARTIFACT_UNIDENTIFIED',
  ],
  [
    'has two digests of one file',
    () => ({
      ...good(),
      artifact: { kind: 'file', hash: { sha256: sha256('a') } },
      file: { hash: { sha256: sha256('b') } },
    }),
    'FB_HASH_CONFLICT',
  ],
  [
    'has a text with another digest',
    () => ({
      ...good(),
      artifact: { kind: 'script', text: 'Get-Date', hash: { sha256: sha256('Get-Help') } },
    }),
    'FB_HASH_MISMATCH',
  ],
  ['has a text over 256 KiB', () => reportOf(command('x'.repeat(257 * 1024))), 'FB_REPORT_TOO_LARGE'],
];

/** [what is wrong, who asks, path, status, code, how it is sent] */
export const calls: readonly (readonly [string, string | null, string, number, ErrorCode, CallOptions?])[] = [
  ['no credential', null, '/v1/reports', 401, 'FB_CREDENTIAL_MISSING'],
  [
    'a header that is no bearer',
    null,
    '/v1/reports',
    401,
    'FB_CREDENTIAL_MISSING',
    { headers: { authorization: 'Basic YTpi' } },
  ],
  ['a token in the address', null, '/v1/reports?access_token=fbu_x', 401, 'FB_CREDENTIAL_MISSING'],
  ['an unknown credential', `fbd_${'A'.repeat(43)}`, '/v1/snapshot', 401, 'FB_CREDENTIAL_UNKNOWN'],
  ['a credential of no kind', 'password', '/v1/snapshot', 401, 'FB_CREDENTIAL_UNKNOWN'],
  ['a revoked token', 'revoked person', '/v1/reports', 401, 'FB_CREDENTIAL_UNKNOWN'],
  ['an expired token', 'expired person', '/v1/reports', 401, 'FB_CREDENTIAL_EXPIRED'],
  ['an off-boarded device', 'off-boarded device', '/v1/snapshot', 401, 'FB_DEVICE_OFFBOARDED'],
  ['a suspended tenant', 'suspended admin', '/v1/reports', 403, 'FB_TENANT_SUSPENDED'],
  ['a device that administers', 'device', '/v1/tokens', 403, 'FB_ROLE_INSUFFICIENT'],
  ['a person that reports', 'admin', '/v1/reports', 403, 'FB_ROLE_INSUFFICIENT', { json: {} }],
  ['a key that reads', 'enrolment key', '/v1/devices', 403, 'FB_ROLE_INSUFFICIENT'],
  [
    'a viewer who administers',
    'viewer',
    '/v1/tokens',
    403,
    'FB_ROLE_INSUFFICIENT',
    { json: { name: 'x', role: 'admin' } },
  ],
  ['an analyst who reads the audit log', 'analyst', '/v1/audit-log', 403, 'FB_ROLE_INSUFFICIENT'],
  [
    'an administrator who makes tenants',
    'admin',
    '/v1/tenants',
    403,
    'FB_ROLE_INSUFFICIENT',
    { json: { name: 'x' } },
  ],
  ['an operator who reads reports', 'operator', '/v1/reports', 403, 'FB_ROLE_INSUFFICIENT'],
  ['a cursor that is none', 'device', '/v1/changes?cursor=%00%00', 400, 'FB_CURSOR_INVALID'],
  ['a stream with a cursor that is none', 'device', '/v1/stream?cursor=AAAA', 400, 'FB_CURSOR_INVALID'],
  [
    'a Last-Event-ID that is none',
    'device',
    '/v1/stream',
    400,
    'FB_CURSOR_INVALID',
    { headers: { 'last-event-id': 'seven' } },
  ],
  ['changes without a cursor', 'device', '/v1/changes', 400, 'FB_QUERY_INVALID'],
  ['a wait of an hour', 'device', '/v1/changes?cursor=AAAA&wait=3600', 400, 'FB_QUERY_INVALID'],
  ['a page after nothing', 'viewer', '/v1/reports?after=AAAA', 400, 'FB_CURSOR_INVALID'],
  ['a page of none', 'viewer', '/v1/reports?limit=0', 400, 'FB_QUERY_INVALID'],
  ['a page of 10,001', 'viewer', '/v1/verdicts?limit=10001', 400, 'FB_QUERY_INVALID'],
  ['a page of a half', 'viewer', '/v1/devices?limit=0.5', 400, 'FB_QUERY_INVALID'],
  ['a page of many', 'viewer', '/v1/overrides?limit=many', 400, 'FB_QUERY_INVALID'],
  ['a parameter that is not known', 'viewer', '/v1/reports?tenant=beta', 400, 'FB_QUERY_INVALID'],
  ['a parameter where none is taken', 'device', '/v1/snapshot?all=true', 400, 'FB_QUERY_INVALID'],
  ['a filter that is no value', 'viewer', '/v1/verdicts?verdict=evil', 400, 'FB_QUERY_INVALID'],
  ['a time that is none', 'viewer', '/v1/verdicts?from=yesterday', 400, 'FB_QUERY_INVALID'],
  ['an id that is none', 'viewer', '/v1/reports/1', 400, 'FB_QUERY_INVALID'],
  ['SQL for an id', 'viewer', "/v1/reports/'%20or%201=1--", 400, 'FB_QUERY_INVALID'],
  ['an artifact key that is none', 'viewer', '/v1/artifacts/file:sha256:1', 400, 'FB_QUERY_INVALID'],
  ['an address that cannot be decoded', 'viewer', '/v1/artifacts/%E0%A4%A', 400, 'FB_QUERY_INVALID'],
  ['an unknown path', 'viewer', '/v1/everything', 404, 'FB_NOT_FOUND'],
  ['an unknown path without a credential', null, '/admin.php', 404, 'FB_NOT_FOUND'],
  ['an id of nothing', 'viewer', `/v1/reports/${uuidv7()}`, 404, 'FB_NOT_FOUND'],
  ['a wrong method', 'admin', '/v1/reports', 405, 'FB_METHOD_NOT_ALLOWED', { method: 'DELETE' }],
  [
    'a key that is used up',
    'used up key',
    '/v1/devices',
    409,
    'FB_ENROLLMENT_KEY_USED_UP',
    { json: enrolment() },
  ],
  [
    'an enrolment without a host',
    'enrolment key',
    '/v1/devices',
    400,
    'FB_BODY_INVALID',
    { json: { installationId: 'installation' } },
  ],
  ['an unknown role', 'admin', '/v1/tokens', 400, 'FB_BODY_INVALID', { json: { name: 'x', role: 'root' } }],
  ['lookups of no key', 'device', '/v1/lookups', 400, 'FB_BODY_INVALID', { json: { keys: [] } }],
  [
    'lookups of 501 keys',
    'device',
    '/v1/lookups',
    400,
    'FB_BODY_INVALID',
    { json: { keys: Array(501).fill('domain:example.org') } },
  ],
  [
    'lookups of what is no key',
    'device',
    '/v1/lookups',
    400,
    'FB_BODY_INVALID',
    { json: { keys: ['file'] } },
  ],
  ['a policy put by an analyst', 'analyst', '/v1/policy', 403, 'FB_ROLE_INSUFFICIENT', put({})],
  ['a policy of half its settings', 'admin', '/v1/policy', 400, 'FB_BODY_INVALID', put({ enforce: 'audit' })],
  ['what a device’s sandbox saw', 'device', detonations(), 403, 'FB_ROLE_INSUFFICIENT', { json: {} }],
  ['what a viewer’s sandbox saw', 'viewer', detonations(), 403, 'FB_ROLE_INSUFFICIENT', { json: {} }],
  ['what it saw of an unreported file', 'analyst', detonations(), 409, 'FB_SAMPLE_UNREPORTED', { json: {} }],
  [
    'what it saw, as bytes',
    'analyst',
    detonations(),
    415,
    'FB_MEDIA_TYPE',
    { raw: '{}', headers: { 'content-type': 'application/octet-stream' } },
  ],
];

function put(json: object): CallOptions {
  return { method: 'PUT', json, headers: { 'if-match': '*' } };
}

function detonations(): string {
  return `/v1/artifacts/file:sha256:${'0'.repeat(64)}/detonations`;
}

function enrolment() {
  return {
    installationId: 'installation-of-another',
    host: { name: 'another', os: { type: 'windows' } },
    agent: { type: 'test', version: '1.0.0' },
    runningMode: 'active',
    capabilities: { kinds: ['file'], actions: ['block'] },
  };
}

/** [what is asked of the other organization, method, path, body] */
export const foreign: readonly (readonly [
  string,
  string,
  (id: (name: string) => string) => string,
  unknown?,
])[] = [
  ['its report', 'GET', (id) => `/v1/reports/${id('report')}`],
  ['its verdict', 'GET', (id) => `/v1/verdicts/${id('verdict')}`],
  ['a record of its decision', 'GET', (id) => `/v1/verdicts/${id('verdict')}/revisions/1`],
  ['its device', 'GET', (id) => `/v1/devices/${id('device')}`],
  ['tags for its device', 'PATCH', (id) => `/v1/devices/${id('device')}`, { tags: ['mine'] }],
  ['the end of its device', 'DELETE', (id) => `/v1/devices/${id('device')}`],
  ['the end of its token', 'DELETE', (id) => `/v1/tokens/${id('token')}`],
  ['the end of its override', 'DELETE', (id) => `/v1/overrides/${id('override')}`],
  ['its artifact', 'GET', (id) => `/v1/artifacts/${encodeURIComponent(id('artifact'))}`],
];
