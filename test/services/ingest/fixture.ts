import { randomUUID } from 'node:crypto';
import { tenantIdSchema, toTimestamp, type DeviceId, type TenantId } from '../../../contracts/ids.ts';
import { entryId, identifyArtifact } from '../../../contracts/canonical.ts';
import { decidedEntrySchema } from '../../../contracts/entry.ts';
import { reason } from '../../../contracts/domain.ts';
import { defaultLimits, type Limits } from '../../../contracts/limits.ts';
import type { AcceptedReport } from '../../../contracts/records.ts';
import { topics } from '../../../contracts/topics.ts';
import { openEmbeddedLog } from '../../../platform/log/embedded/embedded-log.ts';
import { parseValue, TopicLog } from '../../../platform/log/topic-log.ts';
import { createAuthenticator } from '../../../platform/postgres/authenticator.ts';
import { createSecret } from '../../../platform/postgres/secret.ts';
import { findRecordedFileReport } from '../../../platform/postgres/recorded-report.ts';
import { parseSampleKeys } from '../../../platform/samples/sample-keys.ts';
import { SampleVault } from '../../../platform/samples/sample-vault.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { DeviceStore } from '../../../services/ingest/device-store.ts';
import type { StoredOutcome } from '../../../services/ingest/report-routes.ts';
import { createIngest } from '../../../services/ingest/service.ts';
import { serve } from '../../platform/http/serve.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestDatabase } from '../../support/postgres.ts';

export const enrollment = {
  installationId: 'installation-1',
  host: { hostname: 'finance-17' },
  agent: { type: 'test', version: '1' },
  runningMode: 'active',
  capabilities: { kinds: ['file'], actions: ['block'] },
};

/** Ingest on a real database and a real log, behind a real server. */
export async function startIngest(limits: Partial<Limits> = {}) {
  const database = await startTestDatabase();
  const owner = database.pool('owner');
  const embedded = await openEmbeddedLog({ connection: database.owner });
  const log = new TopicLog(embedded, 1);
  await log.createTopics();
  const pool = database.pool('firebreak_config');
  const stored = new Map<string, StoredOutcome>();
  const allLimits = { ...defaultLimits, ...limits };
  const metrics = createMetrics();
  const vault = new SampleVault({
    pool: database.pool('firebreak_samples'),
    keys: parseSampleKeys(`test:${'a'.repeat(64)}`),
    limits: allLimits,
  });
  const ingest = createIngest({
    log,
    devices: new DeviceStore({ pool, limits: allLimits, poke: () => undefined, now: Date.now }),
    reports: {
      findReportOutcome: async (_tenantId, _deviceId, reportId) => stored.get(reportId) ?? null,
      findReportOf: (...file) => findRecordedFileReport(database.pool('firebreak_tenant'), ...file),
    },
    vault,
    limits: allLimits,
    metrics,
    logger: createLogger({ name: 'test', level: 'silent' }),
  });
  const operatorHash = createSecret('fbo_').hash;
  const authenticator = createAuthenticator({ pool, limits: { authCacheMs: 1 }, operatorHash });
  const server = await serve(ingest.routes, { authenticator, limits: allLimits });

  const createTenant = async (maxUses: number | null = null) => {
    const tenantId = tenantIdSchema.parse(randomUUID());
    const { secret, hash } = createSecret('fbe_');
    await owner.query('insert into config.tenants (id, name) values ($1, $2)', [tenantId, 'Tenant']);
    await owner.query(
      'insert into config.enrollment_keys (id, tenant_id, name, secret_hash, max_uses, tags) values ($1, $2, $3, $4, $5, $6)',
      [randomUUID(), tenantId, 'key', hash, maxUses, ['office']],
    );
    return { tenantId, enrollmentKey: secret };
  };
  const enroll = async (enrollmentKey: string, installationId: string = randomUUID()) => {
    const response = await server.post(enrollmentKey, '/v1/devices', { ...enrollment, installationId });
    const json = (await response.json()) as {
      device: { id: DeviceId; tenantId: TenantId };
      credential: string;
    };
    return { status: response.status, ...json };
  };
  /** What the reports topic holds. */
  const reports = async (): Promise<readonly AcceptedReport[]> => {
    const values: AcceptedReport[] = [];
    for await (const batch of embedded.read({ topic: topics.reports.name, partition: 0, offset: 0 })) {
      for (const { value } of batch.records) {
        const report = parseValue(topics.reports, value);
        if (report !== null) values.push(report);
      }
    }
    return values;
  };
  /** Decides a report as the correlator would, for its tenant. */
  const decide = async (report: AcceptedReport, verdict: 'malicious' | 'no-threats-found') => {
    const subject = { tenantId: report.tenantId, deviceId: null };
    const { key } = identifyArtifact(report.report.artifact);
    const entry = decidedEntrySchema.parse({
      id: entryId(key, 'tenant', subject),
      revision: 1,
      key,
      source: 'decision',
      reach: 'tenant',
      verdict,
      action: verdict === 'malicious' ? 'block' : 'allow',
      blockFrom: 'default',
      remediation: [],
      severity: 'high',
      reason: reason(verdict === 'malicious' ? 'tenant-evidence' : 'no-evidence'),
      decidedAt: toTimestamp(Date.now()),
      expiresAt: toTimestamp(Date.now() + 3_600_000),
    });
    const { tenantId, deviceId } = report;
    const origin = { tenantId, deviceId, reportId: report.report.id, processEntityId: 'p-1' };
    if (verdict === 'malicious') {
      await log.append(topics.verdicts, [{ kind: 'entry', subject, entry, origin, writer: 'test' }]);
    } else {
      await log.append(topics.answers, [{ artifactKey: key, subject, entry, origin, held: true }]);
    }
    return entry;
  };

  const begin = async () => {
    for (const part of ingest.parts) await part.start();
    await eventually(() => (ingest.parts.every((part) => part.unready?.() === null) ? true : null));
  };
  const stop = async () => {
    await server.stop();
    for (const part of ingest.parts) await part.stop();
    await embedded.close();
    await database.stop();
  };
  return {
    ...server,
    ingest,
    database,
    vault,
    log,
    embedded,
    metrics,
    owner,
    stored,
    createTenant,
    enroll,
    reports,
    decide,
    begin,
    stop,
  };
}
export type IngestFixture = Awaited<ReturnType<typeof startIngest>>;
