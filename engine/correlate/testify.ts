import { uuidOf } from '../../contracts/canonical.ts';
import { artifactKeySchema } from '../../contracts/artifact.ts';
import type { EcsProcess } from '../../contracts/ecs.ts';
import { toTimestamp } from '../../contracts/ids.ts';
import type { AcceptedReport, BehaviorFinding } from '../../contracts/topics.ts';
import type { DecisionConfig } from '../decide/config.ts';
import type { Judgement } from '../decide/decide.ts';
import { isPlatformProcess } from './guard.ts';

/**
 * A condemned behaviour testifies against the image of its process and of its parent, where that is not a platform
 * binary: this is how something that was let run is reopened. Without a SHA-256 of the image there is nothing to testify
 * against. One hop: findings make no findings.
 *
 * @param nowMs epoch milliseconds
 */
export function testify(
  report: AcceptedReport,
  judgement: Judgement,
  config: DecisionConfig,
  nowMs: number,
): readonly BehaviorFinding[] {
  if (judgement.verdict !== 'malicious' || report.historyOnly) return [];
  if (report.artifactKind !== 'command-line' && report.artifactKind !== 'script') return [];
  const { process } = report.report;
  const image = finding(report, judgement, process, 'process-image', config.processImageMicronats, nowMs);
  const parent = finding(
    report,
    judgement,
    process?.parent,
    'parent-image',
    config.parentImageMicronats,
    nowMs,
  );
  return [image, parent].filter((item) => item !== null);
}

function finding(
  accepted: AcceptedReport,
  judgement: Judgement,
  process: Omit<EcsProcess, 'parent'> | undefined,
  relation: BehaviorFinding['relation'],
  micronats: number,
  nowMs: number,
): BehaviorFinding | null {
  const sha256 = process?.hash?.sha256;
  if (process === undefined || sha256 === undefined || isPlatformProcess(process)) return null;
  const { tenantId, deviceId, artifactKey, acceptedAt, report } = accepted;
  const targetKey = artifactKeySchema.parse(`file:sha256:${sha256}`);
  return {
    // The same behaviour of the same image in the same tenant is one finding, however often it is seen.
    id: uuidOf(`finding\n${tenantId}\n${artifactKey}\n${targetKey}\n${relation}`),
    targetKey,
    relation,
    micronats,
    tenantId,
    deviceId,
    reportId: report.id,
    reportedAt: toTimestamp(Date.parse(report['@timestamp'])),
    acceptedAt,
    ...(process.entity_id !== undefined && { processEntityId: process.entity_id }),
    source: {
      artifactKey,
      ...(judgement.threatName !== null && { threatName: judgement.threatName }),
      decidedAt: toTimestamp(nowMs),
    },
    foundAt: toTimestamp(nowMs),
  };
}
