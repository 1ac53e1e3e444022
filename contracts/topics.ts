import type { z } from 'zod';
import { subjectKey } from './canonical.ts';
import { classifierStatusSchema, shadowScoreSchema } from './classifier-versions.ts';
import { decisionRecordSchema } from './decision.ts';
import { reportScoresSchema } from './score.ts';
import {
  acceptedReportSchema,
  answerSchema,
  type ControlRecord,
  controlRecordSchema,
  deadLetterSchema,
  findingSchema,
  progressSchema,
  revisionOf,
  signalRecordSchema,
  storedSampleSchema,
  verdictRecordSchema,
} from './records.ts';

/** A topic, described once: producers, consumers, documents and tests read this. */
export interface Topic<Value> {
  readonly name: string;
  readonly schema: z.ZodType<Value>;
  /** The record key: what compaction keeps the last value of. */
  readonly keyOf: (value: Value) => string;
  /** What decides the partition. Topics placed by artifact share one partition count, so one owner sees all of an artifact. */
  readonly placeOf: (value: Value) => string;
  readonly placement: 'artifact' | 'key';
  /** The limit that says how long a record is kept; null: for ever. */
  readonly retention:
    | 'reportRetentionMs'
    | 'decisionRetentionMs'
    | 'answerLifeMs'
    | 'sampleRetentionMs'
    | 'signalRetentionMs'
    | null;
  /** Null: not compacted. A record is never compacted away sooner than after `minLagMs`. */
  readonly compaction: { readonly minLagMs: number } | null;
  readonly holds: string;
}

const day = 24 * 60 * 60 * 1000;

function topic<Value>(definition: Topic<Value>): Topic<Value> {
  return definition;
}

function controlKey(record: ControlRecord): string {
  switch (record.kind) {
    case 'tenant':
      return `tenant:${record.tenantId}`;
    case 'device':
      return `device:${record.deviceId}`;
    case 'token':
      return `token:${record.tokenId}`;
    case 'policy':
      return `policy:${record.tenantId}`;
    case 'own-entry':
      return `own:${record.entry.id}`;
    case 'own-revocation':
      return `own:${record.revocation.id}`;
    case 'classifier':
      return `classifier:${record.classifier}`;
  }
}

export const topics = {
  reports: topic({
    name: 'reports.v1',
    schema: acceptedReportSchema,
    keyOf: (report) => report.artifactKey,
    placeOf: (report) => report.artifactKey,
    placement: 'artifact',
    retention: 'reportRetentionMs',
    compaction: null,
    holds: 'what one device observed of one artifact',
  }),
  scores: topic({
    name: 'scores.v1',
    schema: reportScoresSchema,
    keyOf: ({ artifactKey }) => artifactKey,
    placeOf: ({ artifactKey }) => artifactKey,
    placement: 'artifact',
    retention: 'reportRetentionMs',
    compaction: null,
    holds:
      'answers of classifiers for one report that were there together: each a score, abstained or failed',
  }),
  shadow: topic({
    name: 'shadow.v1',
    schema: shadowScoreSchema,
    keyOf: (score) => score.artifactKey,
    placeOf: (score) => score.artifactKey,
    placement: 'artifact',
    retention: 'reportRetentionMs',
    compaction: null,
    holds:
      'what a version of a classifier that is tried says beside the one that decides; nobody decides by it',
  }),
  classifierStatus: topic({
    name: 'classifier-status.v1',
    schema: classifierStatusSchema,
    keyOf: ({ instance }) => instance,
    placeOf: () => 'status',
    placement: 'key',
    retention: 'answerLifeMs',
    compaction: null,
    holds: 'which versions of classifiers each process has, and what it refused',
  }),
  evidence: topic({
    name: 'evidence.v1',
    schema: findingSchema,
    keyOf: (finding) => finding.targetKey,
    placeOf: (finding) => finding.targetKey,
    placement: 'artifact',
    retention: 'reportRetentionMs',
    compaction: null,
    holds:
      'what was found about one artifact and bears on another, in a submitted sample of it, or in a sandbox',
  }),
  samples: topic({
    name: 'samples.v1',
    schema: storedSampleSchema,
    keyOf: (sample) => sample.artifactKey,
    placeOf: (sample) => sample.artifactKey,
    placement: 'artifact',
    retention: 'sampleRetentionMs',
    compaction: null,
    holds: 'that an organization’s sample of an artifact lies in the store; never its bytes',
  }),
  decisions: topic({
    name: 'decisions.v1',
    schema: decisionRecordSchema,
    keyOf: (decision) => decision.artifactKey,
    placeOf: (decision) => decision.artifactKey,
    placement: 'artifact',
    retention: 'decisionRetentionMs',
    compaction: null,
    holds: 'the whole record of one decision',
  }),
  verdicts: topic({
    name: 'verdicts.v1',
    schema: verdictRecordSchema,
    keyOf: (record) => `${revisionOf(record).key} ${subjectKey(record.subject)}`,
    placeOf: (record) => revisionOf(record).key,
    placement: 'artifact',
    retention: null,
    compaction: { minLagMs: day },
    holds: 'the entry in force for an artifact and a reach, or its revocation',
  }),
  answers: topic({
    name: 'answers.v1',
    schema: answerSchema,
    keyOf: (answer) => answer.artifactKey,
    placeOf: (answer) => answer.artifactKey,
    placement: 'artifact',
    retention: 'answerLifeMs',
    compaction: null,
    holds: '“no threats found”, for who waits; no state that anybody must keep',
  }),
  signals: topic({
    name: 'signals.v1',
    schema: signalRecordSchema,
    keyOf: (record) => record.artifactKey,
    placeOf: (record) => record.artifactKey,
    placement: 'artifact',
    retention: 'signalRetentionMs',
    compaction: { minLagMs: 0 },
    holds: 'changelog of the correlator’s folded state',
  }),
  progress: topic({
    name: 'progress.v1',
    schema: progressSchema,
    keyOf: ({ partition }) => String(partition),
    placeOf: ({ partition }) => String(partition),
    placement: 'key',
    retention: 'answerLifeMs',
    compaction: null,
    holds: 'how far the correlators have come, for who must not run ahead of them',
  }),
  control: topic({
    name: 'control.v1',
    schema: controlRecordSchema,
    keyOf: controlKey,
    placeOf: controlKey,
    placement: 'key',
    retention: null,
    compaction: { minLagMs: day },
    holds:
      'tenants, devices, tokens, policy, own entries and which version of a classifier decides, versioned per subject',
  }),
  deadLetters: topic({
    name: 'dead-letters.v1',
    schema: deadLetterSchema,
    keyOf: (letter) => letter.topic,
    placeOf: (letter) => letter.topic,
    placement: 'key',
    retention: 'decisionRetentionMs',
    compaction: null,
    holds: 'untouched records that could not be processed, with origin and error code',
  }),
} as const;
