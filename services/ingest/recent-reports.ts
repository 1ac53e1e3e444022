import type { ArtifactKey } from '../../contracts/artifact.ts';
import type { DeviceId, ReportId, Timestamp } from '../../contracts/ids.ts';
import type { AcceptedReport } from '../../contracts/records.ts';

/** What is kept of a report that the log has. */
export interface RecentReport {
  readonly reportedAt: Timestamp;
  readonly artifactKey: ArtifactKey;
  readonly acceptedAt: Timestamp;
}

/**
 * The last reports that the log acknowledged to this instance, oldest forgotten first. Best effort on purpose: it says
 * `duplicate` and answers for a report before the history has it; what must not happen twice is prevented downstream.
 */
export class RecentReports {
  readonly #most: number;
  readonly #reports = new Map<string, RecentReport>();

  constructor(most: number) {
    this.#most = most;
  }

  /** Only after the log has it. */
  remember({ deviceId, report, artifactKey, acceptedAt }: AcceptedReport): void {
    const key = keyOf(deviceId, report.id);
    this.#reports.delete(key);
    this.#reports.set(key, { reportedAt: report['@timestamp'], artifactKey, acceptedAt });
    if (this.#reports.size <= this.#most) return;
    for (const oldest of this.#reports.keys()) {
      this.#reports.delete(oldest);
      return;
    }
  }

  find(deviceId: DeviceId, reportId: ReportId): RecentReport | undefined {
    return this.#reports.get(keyOf(deviceId, reportId));
  }

  /** Whether the device sent this id with this time before. */
  has({ deviceId, report }: AcceptedReport): boolean {
    return this.find(deviceId, report.id)?.reportedAt === report['@timestamp'];
  }
}

function keyOf(deviceId: DeviceId, reportId: ReportId): string {
  return `${deviceId}/${reportId}`;
}
