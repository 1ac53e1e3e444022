import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { z } from 'zod';
import { readProfile } from '../../../classifiers/profiles.ts';
import type { DecisionRecord } from '../../../contracts/decision.ts';
import { createdTenantSchema } from '../../../contracts/http.ts';
import { deviceIdSchema, tenantIdSchema, type DeviceId, type TenantId } from '../../../contracts/ids.ts';
import { defaultLimits, type Limits } from '../../../contracts/limits.ts';
import type { AcceptedReport, ControlRecord, VerdictRecord } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import { openEmbeddedLog } from '../../../platform/log/embedded/embedded-log.ts';
import { parseValue, TopicLog } from '../../../platform/log/topic-log.ts';
import { createAuthenticator, type PostgresAuthenticator } from '../../../platform/postgres/authenticator.ts';
import { createSecret } from '../../../platform/postgres/secret.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createQuery } from '../../../services/query/service.ts';
import {
  decisionTable,
  entryTable,
  reportTable,
  type HistoryTable,
} from '../../../services/record/tables.ts';
import { serve } from '../../platform/http/serve.ts';
import { startTestDatabase, type TestDatabase } from '../../support/postgres.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The JSON of it, with what tests look at most; empty when it is none. */
  readonly json: Json;
}

const jsonSchema = z.looseObject({
  code: z.string().default(''),
  secret: z.string().default(''),
  items: z.array(z.record(z.string(), z.unknown())).default([]),
  next: z.string().nullable().default(null),
});
export type Json = z.infer<typeof jsonSchema>;

/** A tenant with a token for each role and a device. */
export interface TestTenant {
  readonly id: TenantId;
  readonly admin: string;
  readonly analyst: string;
  readonly viewer: string;
  readonly enrollmentKey: string;
}

/** Query on a real database and log, behind a real server. */
export interface QueryFixture {
  readonly database: TestDatabase;
  readonly owner: pg.Pool;
  readonly log: TopicLog;
  readonly operator: string;
  readonly url: string;
  readonly authenticator: PostgresAuthenticator;
  /** @param body JSON, or a buffer as it is */
  call(token: string, method: string, path: string, body?: unknown, headers?: object): Promise<Reply>;
  get(token: string, path: string, headers?: object): Promise<Reply>;
  createTenant(name?: string): Promise<TestTenant>;
  createDevice(tenantId: TenantId): Promise<DeviceId>;
  /** Writes to history as record would. */
  record(rows: {
    readonly reports?: readonly AcceptedReport[];
    readonly decisions?: readonly DecisionRecord[];
    readonly verdicts?: readonly VerdictRecord[];
  }): Promise<void>;
  /** What the control topic holds. */
  control(): Promise<readonly ControlRecord[]>;
  stop(): Promise<void>;
}

export async function startQuery(limits: Partial<Limits> = {}): Promise<QueryFixture> {
  const database = await startTestDatabase();
  const owner = database.pool('owner');
  const log = new TopicLog(await openEmbeddedLog({ connection: database.owner }), 1);
  await log.createTopics();
  const operator = createSecret('fbo_');
  const configPool = database.pool('firebreak_config');
  const authenticator = createAuthenticator({
    pool: configPool,
    limits: { authCacheMs: 1 },
    operatorHash: operator.hash,
  });
  const query = createQuery({
    log,
    tenantPool: database.pool('firebreak_tenant'),
    configPool,
    detonation: await readProfile('detonation'),
    limits: { ...defaultLimits, ...limits },
    logger: createLogger({ name: 'test', level: 'silent' }),
    metrics: createMetrics(),
  });
  for (const part of query.parts) await part.start();
  const server = await serve(query.routes, { authenticator });

  const call: QueryFixture['call'] = async (token, method, path, body, headers = {}) => {
    const response = await server.call(token, path, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && {
        body: Buffer.isBuffer(body) ? new Uint8Array(body) : JSON.stringify(body),
      }),
    });
    const text = await response.text();
    // A bug shows itself by its stack, not by an assertion on what was not answered.
    if (response.status === 500) throw new Error(JSON.stringify(server.lines.at(-1)));
    const isJson = /^application\/(?:problem\+)?json/.test(response.headers.get('content-type') ?? '');
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: jsonSchema.parse(isJson ? JSON.parse(text) : {}),
    };
  };
  const write = <Row>(table: HistoryTable<Row>, values: readonly unknown[] = []): Promise<void> => {
    const rows = values.map((value) => table.rowOf({ value: Buffer.from(JSON.stringify(value)) }));
    return table.write(
      database.pool('firebreak_writer'),
      rows.filter((row) => row !== null),
    );
  };
  return {
    database,
    owner,
    log,
    operator: operator.secret,
    url: server.url,
    authenticator,
    call,
    get: (token, path, headers) => call(token, 'GET', path, undefined, headers),
    createTenant: async (name = 'North') => {
      const created = createdTenantSchema.parse(
        (await call(operator.secret, 'POST', '/v1/tenants', { name })).json,
      );
      const token = async (role: string): Promise<string> =>
        (await call(created.adminToken, 'POST', '/v1/tokens', { name: role, role })).json.secret;
      return {
        id: tenantIdSchema.parse(created.tenant.id),
        admin: created.adminToken,
        analyst: await token('analyst'),
        viewer: await token('viewer'),
        enrollmentKey: created.enrollmentKey,
      };
    },
    createDevice: async (tenantId) => {
      const id = deviceIdSchema.parse(randomUUID());
      await owner.query(
        `insert into config.devices (id, tenant_id, installation_id, host, agent, capabilities, running_mode, tags)
         values ($1, $2, $3, '{"name":"PC-1","hostname":"\\u0000"}', '{"type":"a","version":"1"}', '{}', 'active', '{lab}')`,
        [id, tenantId, id],
      );
      return id;
    },
    record: async ({ reports, decisions, verdicts }) => {
      await write(reportTable, reports);
      await write(decisionTable(defaultLimits.sharedFromTenants), decisions);
      await write(entryTable, verdicts);
    },
    control: async () => {
      const records: ControlRecord[] = [];
      for await (const batch of log.log.read({ topic: topics.control.name, partition: 0, offset: 0 }))
        for (const { value } of batch.records) {
          const record = parseValue(topics.control, value);
          if (record !== null) records.push(record);
        }
      return records;
    },
    stop: async () => {
      await server.stop();
      for (const part of query.parts.toReversed()) await part.stop();
      await log.log.close();
      await database.stop();
    },
  };
}
