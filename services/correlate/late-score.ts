import type { ReportScores } from '../../contracts/score.ts';
import { topics } from '../../contracts/topics.ts';
import { parseBatch, type TopicLog } from '../../platform/log/topic-log.ts';
import type { Occasion } from './work.ts';

/**
 * Scores that come after their report was decided know the artifact alone. Where they condemn, the report says what else
 * follows: the process to stop, and the files that the behaviour testifies against.
 *
 * @param partition of the scores, and so of their report
 * @returns the occasion with its report; as it is where the log no longer has that
 * @throws FB_LOG_UNAVAILABLE
 */
export async function withReport(
  occasion: Occasion,
  { deviceId, reportId, reportedAt, reportOffset: offset }: ReportScores,
  log: TopicLog,
  partition: number,
): Promise<Occasion> {
  const from = { topic: topics.reports.name, partition, offset };
  for await (const batch of log.log.read(from, offset + 1)) {
    for (const { value } of parseBatch(topics.reports, batch).records) {
      if (value?.deviceId !== deviceId) continue;
      const { report } = value;
      if (report.id !== reportId || report['@timestamp'] !== reportedAt) continue;
      const fileName = report.file?.name ?? null;
      return { ...occasion, report: value, fileName, processEntityId: report.process?.entity_id ?? null };
    }
  }
  return occasion;
}
