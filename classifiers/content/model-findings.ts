import { reportSchema } from '../../contracts/report.ts';
import type { Classifier } from '../classifier.ts';
import { anomaly, type FileFacts, type Finding } from './finding.ts';

/** The model reads file facts alone; a report needs the rest. */
const envelope = {
  id: '00000000-0000-7000-8000-000000000000',
  '@timestamp': '1970-01-01T00:00:00.000Z',
  detectionSource: 'antivirus',
  localAction: 'held',
  artifact: { kind: 'file', hash: { sha256: '0'.repeat(64) } },
} as const;

/**
 * What the model of static features says of facts that were extracted from the sample itself. It supports and never
 * decides, and says nothing of stubs, whose header is not that of what they carry.
 */
export async function modelFindings(
  facts: FileFacts,
  metadata: Pick<Classifier, 'profile' | 'score'>,
): Promise<readonly Finding[]> {
  const report = reportSchema.safeParse({ ...envelope, ...facts });
  if (!report.success) return [];
  const [outcome] = await metadata.score([{ report: report.data, evidence: 'content' }]);
  if (outcome?.outcome !== 'score' || outcome.capped === true) return [];
  if (outcome.probability < metadata.profile.threshold) return [];
  const finding = anomaly(
    'medium',
    'metadata-model',
    'Its header and sections are those of malicious programs.',
  );
  return [{ ...finding, origin: 'model' }];
}
