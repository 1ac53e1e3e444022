import type { ReportResult } from '../../contracts/http.ts';
import type { Entry } from '../../contracts/entry.ts';
import type { AcceptedReport } from '../../contracts/records.ts';
import type { ParsedReport } from './parse-report.ts';
import type { Standing } from './standing.ts';
import type { Origin } from './view.ts';

/** A report that is in order. */
export interface Taken {
  readonly accepted: AcceptedReport;
  /** ECS keys that were not taken. */
  readonly dropped: number;
  readonly duplicate: boolean;
  /** What stood when it came in. */
  readonly standing: Standing | null;
}

export function rejected({ id, problem }: Extract<ParsedReport, { outcome: 'rejected' }>): ReportResult {
  return { id, status: 'rejected', artifact: null, entry: null, verdict: null, error: problem };
}

/**
 * @param standing now, after any waiting
 * @param isSampleWanted the file itself is asked for
 */
export function taken(
  item: Taken,
  standing: Standing | null,
  origin: Origin | undefined,
  isSampleWanted: boolean,
): ReportResult {
  const status = item.duplicate ? 'duplicate' : item.standing === null ? 'accepted' : 'known';
  const sample = isSampleWanted ? { sample: { wanted: true } } : {};
  return { ...common(item, standing, origin), status, ...sample };
}

export function deferred(item: Taken, retryAfterMs: number): ReportResult {
  return { ...common(item, item.standing, undefined), status: 'deferred', retryAfterMs };
}

function common({ accepted, dropped }: Taken, standing: Standing | null, origin: Origin | undefined) {
  return {
    id: accepted.report.id,
    artifact: accepted.artifactKey,
    entry: standing === null ? null : forDevice(standing.entry, origin),
    verdict: standing?.verdict ?? (accepted.historyOnly ? null : ('pending' as const)),
    ...(dropped > 0 && { dropped }),
  };
}

/** Adds what only the device that reported may see. */
function forDevice(entry: Entry, origin: Origin | undefined): Entry {
  if (entry.source !== 'decision' || origin?.entryId !== entry.id) return entry;
  const { reportId, processEntityId } = origin;
  return {
    ...entry,
    reportId,
    ...(processEntityId !== undefined && { target: { process: { entity_id: processEntityId } } }),
  };
}
