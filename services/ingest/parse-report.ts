import { identifyArtifact, type IdentifiedArtifact } from '../../contracts/canonical.ts';
import {
  FirebreakError,
  isFirebreakError,
  toProblem,
  type ErrorCode,
  type FieldError,
  type Problem,
} from '../../contracts/errors.ts';
import { toFieldErrors } from '../../contracts/field-errors.ts';
import { toEpochMs, type DeviceId, type TenantId, type Timestamp } from '../../contracts/ids.ts';
import type { Limits } from '../../contracts/limits.ts';
import { reportSchema, type Report } from '../../contracts/report.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import { droppedKeys } from './dropped-keys.ts';

/** What holds for all reports of a request. */
export interface Envelope {
  readonly tenantId: TenantId;
  readonly deviceId: DeviceId;
  /** By our clock. */
  readonly acceptedAt: Timestamp;
  readonly acceptedAtMs: number;
  /** How far the device's clock is behind ours: acceptance less `sentAt`. */
  readonly clockOffsetMs: number;
  /** ECS keys that are not taken spoil the report. */
  readonly strict: boolean;
  /** Of the whole body: no report in it is larger. */
  readonly bodyBytes: number;
}

export type ReportLimits = Pick<
  Limits,
  'reportBytes' | 'textBytes' | 'eventsPerReport' | 'clockSkewMs' | 'signalAgeMs'
>;

export type ParsedReport =
  | { readonly outcome: 'ok'; readonly accepted: AcceptedReport; readonly dropped: number }
  | { readonly outcome: 'rejected'; readonly id: string | null; readonly problem: Problem };

/**
 * Makes an accepted report out of an item of a batch: checks it, normalizes it, identifies its artifact and judges its
 * clock. `awaited` is false; who holds the request sets it.
 * @param index of the item in its batch, for the pointers of the problem
 */
export function parseReport(
  raw: unknown,
  index: number,
  envelope: Envelope,
  limits: ReportLimits,
): ParsedReport {
  const prefix = `/reports/${index}`;
  try {
    checkSize(raw, envelope, limits, prefix);
    const parsed = reportSchema.safeParse(raw);
    if (!parsed.success) {
      throw refuse(
        'FB_BODY_INVALID',
        'The report does not fit the schema.',
        ...toFieldErrors(parsed.error, prefix),
      );
    }
    const report = parsed.data;
    checkReport(report, limits, prefix);
    const dropped = droppedKeys(raw, report, prefix);
    if (envelope.strict && dropped.count > 0) {
      const errors = dropped.pointers.map((pointer) => ({ pointer, detail: 'This field is not taken.' }));
      throw refuse('FB_UNKNOWN_FIELDS', `${dropped.count} fields are not taken.`, ...errors);
    }
    const accepted = accept(report, identify(report, prefix), envelope, limits);
    return { outcome: 'ok', accepted, dropped: dropped.count };
  } catch (error) {
    if (!isFirebreakError(error)) throw error;
    return { outcome: 'rejected', id: readableId(raw), problem: toProblem(error) };
  }
}

function refuse(code: ErrorCode, detail: string, ...errors: readonly FieldError[]): FirebreakError {
  return new FirebreakError(code, detail, { errors });
}

/** As sent. Most requests as a whole are smaller than one report may be: nothing is measured then. */
function checkSize(
  raw: unknown,
  { bodyBytes }: Envelope,
  { reportBytes }: ReportLimits,
  pointer: string,
): void {
  if (bodyBytes <= reportBytes || Buffer.byteLength(JSON.stringify(raw)) <= reportBytes) return;
  const detail = `A report has at most ${reportBytes} bytes.`;
  throw refuse('FB_REPORT_TOO_LARGE', detail, { pointer, detail });
}

function checkReport(report: Report, limits: ReportLimits, prefix: string): void {
  const { artifact, events = [], file } = report;
  if (Buffer.byteLength(artifact.text ?? '') > limits.textBytes) {
    const detail = `The text has at most ${limits.textBytes} bytes; send the digest, head and tail of a longer one.`;
    throw refuse('FB_REPORT_TOO_LARGE', detail, { pointer: `${prefix}/artifact/text`, detail });
  }
  if (events.length > limits.eventsPerReport) {
    const detail = `A report has at most ${limits.eventsPerReport} events.`;
    throw refuse('FB_BODY_INVALID', detail, { pointer: `${prefix}/events`, detail });
  }
  // ISO 8601 has a year 0; calendars, and databases, begin with 1.
  if (report['@timestamp'].startsWith('0000')) {
    const detail = 'There is no year 0.';
    throw refuse('FB_BODY_INVALID', detail, { pointer: `${prefix}/@timestamp`, detail });
  }
  if (artifact.kind !== 'file') return;
  for (const name of ['sha256', 'sha1', 'md5'] as const) {
    const [ours, theirs] = [artifact.hash?.[name], file?.hash?.[name]];
    if (ours === undefined || theirs === undefined || ours === theirs) continue;
    const errors = ['artifact', 'file'].map((field) => ({
      pointer: `${prefix}/${field}/hash/${name}`,
      detail: 'Differs from the other one.',
    }));
    throw refuse('FB_HASH_CONFLICT', `The ${name} of the artifact and of the file differ.`, ...errors);
  }
}

function identify(report: Report, prefix: string): IdentifiedArtifact {
  try {
    return identifyArtifact(report.artifact);
  } catch (error) {
    if (!isFirebreakError(error)) throw error;
    const errors = (error.errors ?? []).map(({ pointer, detail }) => ({ pointer: prefix + pointer, detail }));
    throw refuse(error.code, error.message, ...errors);
  }
}

function accept(
  report: Report,
  { key, evidence }: IdentifiedArtifact,
  { tenantId, deviceId, acceptedAt, acceptedAtMs, clockOffsetMs }: Envelope,
  { clockSkewMs, signalAgeMs }: ReportLimits,
): AcceptedReport {
  const observedAtMs = toEpochMs(report['@timestamp']) + clockOffsetMs;
  return {
    tenantId,
    deviceId,
    artifactKey: key,
    artifactKind: report.artifact.kind,
    evidence,
    acceptedAt,
    clockSuspect: Math.abs(acceptedAtMs - observedAtMs) > clockSkewMs,
    historyOnly: acceptedAtMs - observedAtMs > signalAgeMs,
    awaited: false,
    report,
  };
}

/** The id of a report that could not be taken, where it is one that may be said back. */
function readableId(raw: unknown): string | null {
  if (typeof raw !== 'object' || raw === null || !('id' in raw)) return null;
  const parsed = reportSchema.shape.id.safeParse(raw.id);
  return parsed.success ? parsed.data : null;
}
