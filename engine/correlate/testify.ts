import {
  canonicalDomain,
  canonicalIp,
  canonicalUrl,
  identifyArtifact,
  uuidOf,
} from '../../contracts/canonical.ts';
import { artifactKeySchema, type ArtifactKey } from '../../contracts/artifact.ts';
import type { EcsProcess } from '../../contracts/ecs.ts';
import { toTimestamp } from '../../contracts/ids.ts';
import type { AcceptedReport, BehaviorFinding } from '../../contracts/records.ts';
import type { DecisionConfig } from '../decide/config.ts';
import type { Judgement } from '../decide/decide.ts';
import { isPlatformProcess } from './guard.ts';

/**
 * A condemned behaviour testifies against the image of its process and of its parent, where that is not a platform
 * binary: this is how something that was let run is reopened. Without a SHA-256 of the image there is nothing to testify
 * against. It testifies, weakly, against what it contacted too. One hop: findings make no findings.
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
  const { processImageMicronats, parentImageMicronats, destinationMicronats } = config;
  const about = (target: Target) => finding(report, judgement, target, nowMs);
  return [
    ...imageOf(process, 'process-image', processImageMicronats).map(about),
    ...imageOf(process?.parent, 'parent-image', parentImageMicronats).map(about),
    ...destinationsOf(report.report).map((targetKey) =>
      about({ targetKey, relation: 'destination', micronats: destinationMicronats }),
    ),
  ];
}

interface Target extends Pick<BehaviorFinding, 'targetKey' | 'relation' | 'micronats'> {
  readonly processEntityId?: string;
}

function imageOf(
  process: Omit<EcsProcess, 'parent'> | undefined,
  relation: BehaviorFinding['relation'],
  micronats: number,
): readonly Target[] {
  const sha256 = process?.hash?.sha256;
  if (process === undefined || sha256 === undefined || isPlatformProcess(process)) return [];
  const targetKey = artifactKeySchema.parse(`file:sha256:${sha256}`);
  const { entity_id: processEntityId } = process;
  return [{ targetKey, relation, micronats, ...(processEntityId !== undefined && { processEntityId }) }];
}

/** Domain, address and URL that the report names beside the artifact; what has no canonical form is left out. */
function destinationsOf({ destination, url }: AcceptedReport['report']): readonly ArtifactKey[] {
  const named = [
    { kind: 'domain', form: destination?.domain && canonicalDomain(destination.domain) },
    { kind: 'ip', form: destination?.ip && canonicalIp(destination.ip) },
    { kind: 'url', form: url?.full && canonicalUrl(url.full) },
  ] as const;
  return named.flatMap(({ kind, form }) => (form ? [identifyArtifact({ kind, value: form }).key] : []));
}

function finding(
  accepted: AcceptedReport,
  judgement: Judgement,
  { targetKey, relation, micronats, processEntityId }: Target,
  nowMs: number,
): BehaviorFinding {
  const { tenantId, deviceId, artifactKey, acceptedAt, report } = accepted;
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
    ...(processEntityId !== undefined && { processEntityId }),
    source: {
      artifactKey,
      ...(judgement.threatName !== null && { threatName: judgement.threatName }),
      decidedAt: toTimestamp(nowMs),
    },
    foundAt: toTimestamp(nowMs),
  };
}
