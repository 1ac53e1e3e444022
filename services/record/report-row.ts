import { z } from 'zod';
import { ecsCodeSignatureSchema, ecsFileSchema } from '../../contracts/ecs.ts';
import { toEpochMs } from '../../contracts/ids.ts';
import { reportSchema } from '../../contracts/report.ts';
import { acceptedReportSchema } from '../../contracts/topics.ts';
import { searchKey, storableText } from '../../platform/postgres/text.ts';

/** A row of `history.reports`, with what `history.sightings` takes from it. Times in milliseconds since 1970. */
export interface ReportRow {
  readonly tenantId: string;
  readonly deviceId: string;
  readonly reportId: string;
  readonly reportedAtMs: number;
  readonly acceptedAtMs: number;
  readonly artifactKey: string;
  readonly artifactKind: string;
  readonly detectionSource: string;
  readonly localAction: string;
  readonly clockSuspect: boolean;
  readonly fileName: string | null;
  /** What the name is found by; empty when there is none. */
  readonly nameKey: string;
  readonly sha1: string | null;
  readonly md5: string | null;
  readonly signer: string | null;
  readonly signerKey: string | null;
  /** The record as it stands in the log: JSON on one line. */
  readonly body: string;
}

/** What becomes a column. The rest was checked when it was accepted and is kept as it came. */
const { id, '@timestamp': reportedAt, detectionSource, localAction, artifact } = reportSchema.shape;
const fileSchema = ecsFileSchema
  .pick({ name: true, path: true, hash: true })
  .extend({ code_signature: ecsCodeSignatureSchema.pick({ subject_name: true }).exactOptional() });
const recordedSchema = z.object({
  ...acceptedReportSchema.pick({
    tenantId: true,
    deviceId: true,
    artifactKey: true,
    artifactKind: true,
    acceptedAt: true,
    clockSuspect: true,
  }).shape,
  report: z.object({
    id,
    '@timestamp': reportedAt,
    detectionSource,
    localAction,
    artifact: artifact.pick({ hash: true }).strip(),
    file: fileSchema.exactOptional(),
  }),
});

/** @throws Error when the bytes are not an accepted report */
export function reportRow(value: Uint8Array): ReportRow {
  const text = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');
  const json: unknown = JSON.parse(text);
  const { report, tenantId, deviceId, artifactKey, artifactKind, acceptedAt, clockSuspect } =
    recordedSchema.parse(json);
  const fileName = nameOf(report.file);
  const signer = storableOrNull(report.file?.code_signature?.subject_name);
  return {
    tenantId,
    deviceId,
    reportId: report.id,
    reportedAtMs: toEpochMs(report['@timestamp']),
    acceptedAtMs: toEpochMs(acceptedAt),
    artifactKey,
    artifactKind,
    detectionSource: report.detectionSource,
    localAction: report.localAction,
    clockSuspect,
    fileName,
    nameKey: fileName === null ? '' : searchKey(fileName),
    sha1: report.artifact.hash?.sha1 ?? report.file?.hash?.sha1 ?? null,
    md5: report.artifact.hash?.md5 ?? report.file?.hash?.md5 ?? null,
    signer,
    signerKey: signer === null ? null : searchKey(signer),
    body: onOneLine(text, json),
  };
}

/** @returns JSON without line breaks between its tokens; inside of strings they are always escaped */
export function onOneLine(text: string, json: unknown): string {
  return text.includes('\n') ? JSON.stringify(json) : text;
}

function nameOf(file: z.infer<typeof fileSchema> | undefined): string | null {
  return storableOrNull(file?.name ?? /[^\\/]+$/.exec(file?.path ?? '')?.[0]);
}

function storableOrNull(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : storableText(text);
}
