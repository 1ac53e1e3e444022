import { resultOf } from '../../classifiers/outcome.ts';
import { readCapeReport } from '../../classifiers/detonation/read-report.ts';
import type { CapeReport } from '../../classifiers/detonation/report-schema.ts';
import { scoreCapeReport } from '../../classifiers/detonation/score-cape-report.ts';
import type { ArtifactKey } from '../../contracts/artifact.ts';
import { kindOfKey, sha256Hex, uuidOf } from '../../contracts/canonical.ts';
import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import type { Detonation } from '../../contracts/detonation.ts';
import { FirebreakError } from '../../contracts/errors.ts';
import { deviceIdSchema, reportIdSchema, toTimestamp, type TenantId } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import { takeDetonationOperation } from '../../contracts/operations/detonations.ts';
import type { Score } from '../../contracts/score.ts';
import type { DetonationFinding } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import { route, type Route, type RouteRequest } from '../../platform/http/route.ts';
import { UploadSlots } from '../../platform/http/upload-slots.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { traceHeader } from '../../platform/telemetry/trace.ts';
import { actorOf, audit } from './audit.ts';
import type { QueryDatabase } from './database.ts';
import type { QueryEvents } from './events.ts';

export interface DetonationDependencies {
  readonly database: Pick<QueryDatabase, 'asTenant'>;
  readonly log: Pick<TopicLog, 'append'>;
  /** Of the scorer of sandbox reports. */
  readonly profile: ClassifierProfile;
  readonly limits: Pick<Limits, 'detonationBytes' | 'detonationsPerProcess'>;
  readonly events: Pick<QueryEvents, 'detonated' | 'detonationRefused'>;
}

type HandIn = RouteRequest<{ readonly key: ArtifactKey }, undefined, undefined, 'person'>;
type Whose = Pick<Score, 'tenantId' | 'deviceId' | 'reportId' | 'reportedAt'>;

/** How an organization hands in what its sandbox saw. */
export function detonationRoutes(deps: DetonationDependencies): readonly Route[] {
  const slots = new UploadSlots(deps.limits.detonationsPerProcess);
  return [
    route(takeDetonationOperation, async (request) => {
      try {
        const detonation = await slots.run(request.principal.tenantId, () => take(deps, request));
        deps.events.detonated(detonation);
        return { status: detonation.probability === null ? 200 : 202, json: detonation };
      } catch (error) {
        deps.events.detonationRefused();
        throw error;
      }
    }),
  ];
}

async function take(deps: DetonationDependencies, request: HandIn): Promise<Detonation> {
  const { profile, limits } = deps;
  const { key } = request.params;
  const { tenantId } = request.principal;
  checkKey(key, profile);
  if (Number(request.headers['content-length']) > limits.detonationBytes)
    throw new FirebreakError('FB_BODY_TOO_LARGE', `A report may have ${limits.detonationBytes} bytes.`);
  const whose = await latestReport(deps.database, tenantId, key);
  const report = await readCapeReport(request.bytes(), limits.detonationBytes);
  checkTarget(report, key);
  const result = resultOf(scoreCapeReport(report));
  const { id: classifier, version, threshold } = profile;
  const isScore = result.outcome === 'score';
  const detonation: Detonation = {
    id: uuidOf(`detonation\n${tenantId}\n${key}\n${version}\n${sha256Hex(JSON.stringify(report))}`),
    artifact: key,
    sandbox: { version: report.info.version ?? null, analysis: report.info.id ?? null },
    ...{ classifier, version, threshold },
    probability: isScore ? result.probability : null,
    reason: isScore ? null : result.reason,
    evidence: isScore ? result.evidence : [],
  };
  await enter(deps, request, whose, detonation);
  return detonation;
}

/** @throws FB_QUERY_INVALID for what no sandbox runs, and for files that are known by a weaker digest only */
function checkKey(key: ArtifactKey, { accepts }: ClassifierProfile): void {
  if (accepts.includes(kindOfKey(key)) && key.split(':')[1] === 'sha256') return;
  const detail = 'A sandbox runs what has a key file:sha256:… or script:sha256:….';
  throw new FirebreakError('FB_QUERY_INVALID', detail, { errors: [{ pointer: 'key', detail }] });
}

/** @throws FB_BODY_INVALID, FB_HASH_CONFLICT */
function checkTarget({ target }: CapeReport, key: ArtifactKey): void {
  const pointer = '/target/file/sha256';
  const sha256 = target?.file?.sha256;
  if (sha256 === undefined)
    throw new FirebreakError('FB_BODY_INVALID', 'The report does not say which file it is about.', {
      errors: [{ pointer, detail: 'The SHA-256 of what ran.' }],
    });
  if (!key.endsWith(`:${sha256}`))
    throw new FirebreakError('FB_HASH_CONFLICT', 'The report is about another file than the address.', {
      errors: [{ pointer, detail: `It is ${sha256}.` }],
    });
}

/**
 * A case is reopened where there is one: the organization's latest report of the file says whose.
 * @throws FB_SAMPLE_UNREPORTED
 */
async function latestReport(
  database: Pick<QueryDatabase, 'asTenant'>,
  tenantId: TenantId,
  key: ArtifactKey,
): Promise<Whose> {
  const { rows } = await database.asTenant(tenantId, (client) =>
    client.query<{ device_id: string; report_id: string; reported_at: Date }>(
      `select device_id, report_id, reported_at from history.reports where artifact_key = $1
        order by accepted_at desc limit 1`,
      [key],
    ),
  );
  const row = rows[0];
  if (row === undefined)
    throw new FirebreakError('FB_SAMPLE_UNREPORTED', 'History has no report of this file.', {
      retryAfterMs: 1000,
    });
  return {
    tenantId,
    deviceId: deviceIdSchema.parse(row.device_id),
    reportId: reportIdSchema.parse(row.report_id),
    reportedAt: toTimestamp(row.reported_at.getTime()),
  };
}

/** Who handed it in is written down with it: where the row cannot be committed, the caller hears so and comes again. */
async function enter(
  { database, log, profile }: DetonationDependencies,
  { principal, traceparent }: HandIn,
  whose: Whose,
  detonation: Detonation,
): Promise<void> {
  const { id, artifact, sandbox, probability, evidence } = detonation;
  const finding = findingOf(detonation, whose, profile, Date.now());
  await database.asTenant(whose.tenantId, async (client) => {
    await audit(client, {
      tenantId: whose.tenantId,
      actor: actorOf(principal),
      action: 'detonation.taken',
      subject: artifact,
      details: { id, sandbox, probability, signatures: evidence.slice(0, 16).map(({ code }) => code) },
    });
    if (finding !== null)
      await log.append(topics.evidence, [finding], () => ({ [traceHeader]: traceparent }));
  });
}

/**
 * @param nowMs epoch milliseconds
 * @returns what the correlator takes: the organization's word, in which nothing is content; null where nothing ran
 */
function findingOf(
  { id, artifact, probability, evidence }: Detonation,
  whose: Whose,
  { id: classifier, version, featureSchemaVersion, baseRate, threshold }: ClassifierProfile,
  nowMs: number,
): DetonationFinding | null {
  if (probability === null) return null;
  const at = toTimestamp(nowMs);
  return {
    id,
    targetKey: artifact,
    relation: 'detonation',
    ...whose,
    acceptedAt: at,
    foundAt: at,
    score: {
      ...whose,
      artifactKey: artifact,
      ...{ classifier, version, featureSchemaVersion, baseRate, threshold },
      scoredAt: at,
      result: { outcome: 'score', probability, contentProbability: null, evidence },
    },
  };
}
