import { FirebreakError } from '../../contracts/errors.ts';
import { toTimestamp, type DeviceId, type TenantId } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import { putSampleOperation } from '../../contracts/operations/samples.ts';
import type { Report } from '../../contracts/report.ts';
import type { StoredSample } from '../../contracts/records.ts';
import { topics } from '../../contracts/topics.ts';
import { mayBeSent } from '../../engine/effective/sample-consent.ts';
import { isCompressed } from '../../platform/http/read-json.ts';
import { route, type Route, type RouteRequest } from '../../platform/http/route.ts';
import type { TopicLog } from '../../platform/log/topic-log.ts';
import { tooLarge } from '../../platform/samples/sample-intake.ts';
import type { SampleVault } from '../../platform/samples/sample-vault.ts';
import { traceHeader } from '../../platform/telemetry/trace.ts';
import type { IngestEvents } from './events.ts';
import { UploadSlots } from '../../platform/http/upload-slots.ts';
import type { View } from './view.ts';
import type { WantedSamples } from './wanted-samples.ts';

/** Why a sample may come: the organization reported the file. */
export type SampleReport = Pick<Report, 'id' | '@timestamp' | 'file'>;

/** History, for why a sample comes. */
export interface SampleReports {
  /**
   * @returns the organization's latest report of the file, this device's before others'; null where there is none (yet)
   * @throws FB_DATABASE_UNAVAILABLE
   */
  findReportOf(tenantId: TenantId, deviceId: DeviceId, artifactKey: string): Promise<SampleReport | null>;
}

export interface SampleRoutesDependencies {
  /** Null where this installation takes no samples. */
  readonly vault: Pick<SampleVault, 'find' | 'take' | 'announced'> | null;
  readonly reports: SampleReports;
  readonly log: Pick<TopicLog, 'append'>;
  readonly view: Pick<View, 'policyOf'>;
  readonly wanted: Pick<WantedSamples, 'sent'>;
  readonly events: Pick<IngestEvents, 'sampleTaken' | 'sampleRefused'>;
  readonly limits: Pick<Limits, 'sampleBytes' | 'sampleUploadsPerProcess'>;
  /** @throws FB_NOT_READY while the policies are not known */
  readonly assertReady: () => void;
}

type Upload = RouteRequest<{ readonly sha256: string }, undefined, undefined, 'device'>;

/** How devices send the files that they were asked for. The same one sent again is answered the same. */
export function sampleRoutes(deps: SampleRoutesDependencies): readonly Route[] {
  const slots = new UploadSlots(deps.limits.sampleUploadsPerProcess);
  return [
    route(putSampleOperation, async (request) => {
      deps.assertReady();
      try {
        const { sample, fresh } = await slots.run(request.principal.tenantId, () =>
          takeSample(deps, request),
        );
        deps.events.sampleTaken(fresh, sample.sizeBytes);
        const { sampleId: id, artifactKey: artifact, sizeBytes: size, expiresAt } = sample;
        return { status: fresh ? 201 : 200, json: { id, artifact, size, expiresAt } };
      } catch (error) {
        deps.events.sampleRefused(error);
        throw error;
      }
    }),
  ];
}

async function takeSample(
  deps: SampleRoutesDependencies,
  request: Upload,
): Promise<{ readonly sample: StoredSample; readonly fresh: boolean }> {
  const { vault, reports, view, limits } = deps;
  const { sha256 } = request.params;
  const { tenantId, deviceId } = request.principal;
  if (vault === null) throw new FirebreakError('FB_SAMPLES_OFF', 'This installation has no key for samples.');
  if (view.policyOf(tenantId).sampleConsent === 'never')
    throw new FirebreakError('FB_CONSENT_FORBIDS', 'The policy is `never`.');
  const stored = await vault.find(tenantId, sha256);
  if (stored !== null) {
    if (!stored.announced) await announce(deps, stored.sample, request);
    return { sample: stored.sample, fresh: false };
  }
  const reservedBytes = announcedBytes(request, limits.sampleBytes);
  const report = await reports.findReportOf(tenantId, deviceId, `file:sha256:${sha256}`);
  if (report === null)
    throw new FirebreakError('FB_SAMPLE_UNREPORTED', 'History has no report of this file.', {
      retryAfterMs: 1000,
    });
  const fileName = report.file?.name ?? null;
  if (!mayBeSent(view.policyOf(tenantId), { name: fileName, isExecutable: report.file?.pe !== undefined }))
    throw new FirebreakError('FB_CONSENT_FORBIDS', 'The policy is `safe`, and this is no program.');
  const reportedAt = toTimestamp(Date.parse(report['@timestamp']));
  const origin = { tenantId, deviceId, reportId: report.id, reportedAt, fileName };
  const taken = await vault.take(origin, sha256, request.bytes(), reservedBytes);
  if (!taken.announced) await announce(deps, taken.sample, request);
  return taken;
}

/** At least once: who stores it and dies before this leaves it to the keeper. */
async function announce(
  { log, vault, wanted }: SampleRoutesDependencies,
  sample: StoredSample,
  { traceparent }: Upload,
): Promise<void> {
  await log.append(topics.samples, [sample], () => ({ [traceHeader]: traceparent }));
  wanted.sent(sample);
  await vault?.announced(sample.tenantId, sample.sampleId);
}

/** @returns the most bytes that will come; what is compressed may become as large as a sample may be */
function announcedBytes({ headers }: Upload, most: number): number {
  const length = headers['content-length'];
  if (length === undefined || isCompressed(headers['content-encoding'])) return most;
  if (Number(length) > most) throw tooLarge(most);
  return Number(length);
}
