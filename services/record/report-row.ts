import type { EcsFile } from '../../contracts/ecs.ts';
import { toEpochMs } from '../../contracts/ids.ts';
import { topics } from '../../contracts/topics.ts';
import { searchKey, storableText } from '../../platform/postgres/text.ts';
import { bodyOf, present, type RecordedValue } from './recorded-value.ts';

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
  /** Null: now. */
  readonly recordedAtMs: number | null;
  /** The record as it stands in the log: JSON on one line. */
  readonly body: string;
}

/** @throws FirebreakError FB_RECORD_UNREADABLE when it is not an accepted report */
export function reportRow(record: RecordedValue): ReportRow {
  const accepted = present(topics.reports, record);
  const { report, tenantId, deviceId, artifactKey, artifactKind, acceptedAt, clockSuspect } = accepted;
  const fileName = nameOf(report.file);
  const signer = storableOrNull(report.file?.code_signature?.subject_name);
  return {
    tenantId,
    deviceId,
    reportId: report.id,
    reportedAtMs: toEpochMs(report['@timestamp']),
    acceptedAtMs: toEpochMs(acceptedAt),
    recordedAtMs: record.recordedAtMs ?? null,
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
    body: bodyOf(record, accepted),
  };
}

function nameOf(file: EcsFile | undefined): string | null {
  return storableOrNull(file?.name ?? /[^\\/]+$/.exec(file?.path ?? '')?.[0]);
}

function storableOrNull(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : storableText(text);
}
