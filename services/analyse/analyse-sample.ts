import type { ClassifierOutcome } from '../../classifiers/classifier.ts';
import type { ContentAnalyser } from '../../classifiers/content/analyser.ts';
import { failed, resultOf } from '../../classifiers/outcome.ts';
import type { ClassifierProfile } from '../../contracts/classifier-profile.ts';
import { uuidOf } from '../../contracts/canonical.ts';
import { toTimestamp } from '../../contracts/ids.ts';
import type { sampleItemSchema } from '../../contracts/sample.ts';
import type { SampleFinding, StoredSample } from '../../contracts/records.ts';
import type { z } from 'zod';

type Findings = z.infer<typeof sampleItemSchema>['findings'];

/** Beyond the analyser's own limit: it ends a worker that hangs, which takes a moment. */
const graceMs = 2_000;

/**
 * Asks the analyser about a sample. It answers always: what throws or does not answer in time is `failed`, which is
 * evidence for nothing.
 */
export async function askAnalyser(
  analyser: Pick<ContentAnalyser, 'analyse'>,
  bytes: Uint8Array,
  name: string | null,
  timeoutMs: number,
): Promise<ClassifierOutcome> {
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<ClassifierOutcome>((resolve) => {
    const give = () => resolve(failed(`The analyser gave no answer in ${timeoutMs + graceMs} ms.`));
    timer = setTimeout(give, timeoutMs + graceMs);
  });
  try {
    return await Promise.race([analyser.analyse(bytes, { name }), silence]);
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * What the content of a sample says of its artifact, as the correlator takes it. The same sample and version of the
 * analyser make the same finding, however often it is analysed.
 *
 * @param nowMs epoch milliseconds
 * @returns null where the analyser has nothing to say
 */
export function findingOf(
  sample: StoredSample,
  outcome: ClassifierOutcome,
  profile: ClassifierProfile,
  nowMs: number,
): SampleFinding | null {
  if (outcome.outcome !== 'score' || outcome.contentProbability === null) return null;
  const { sampleId, artifactKey, tenantId, deviceId, reportId, reportedAt, storedAt } = sample;
  const { id, version, featureSchemaVersion, baseRate, threshold } = profile;
  const whose = { tenantId, deviceId, reportId, reportedAt };
  return {
    id: uuidOf(`sample\n${sampleId}\n${id}@${version}`),
    targetKey: artifactKey,
    relation: 'sample',
    ...whose,
    acceptedAt: storedAt,
    foundAt: toTimestamp(nowMs),
    score: {
      ...whose,
      artifactKey,
      classifier: id,
      ...{ version, featureSchemaVersion, baseRate, threshold },
      scoredAt: toTimestamp(nowMs),
      result: resultOf(outcome),
    },
  };
}

/** @returns what people are told of the analysis */
export function describeOutcome(
  outcome: ClassifierOutcome,
  { id, version, threshold }: ClassifierProfile,
): Findings {
  const result = resultOf(outcome);
  const isScore = result.outcome === 'score';
  return {
    classifier: id,
    version,
    threshold,
    probability: isScore ? result.contentProbability : null,
    reason: isScore ? null : result.reason,
    evidence: isScore ? result.evidence : [],
  };
}
