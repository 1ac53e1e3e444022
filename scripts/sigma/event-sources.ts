import { readPipeline, toSigmaEvent, type PipelineName } from '../../classifiers/rules/sigma/pipeline.ts';
import type { SigmaEvent } from '../../classifiers/rules/sigma/event.ts';
import { readJsonLines } from '../to-reports/rows.ts';

export interface TimedEvent {
  readonly event: SigmaEvent;
  /** Undefined where the event tells no time; it takes no part in correlations. */
  readonly timeMs: number | undefined;
}

export interface EventOptions {
  readonly pipelines: readonly PipelineName[];
  /** Fields that are no part of the event, such as labels. */
  readonly without: readonly string[];
  /** Field with the time; else the first of the usual ones. */
  readonly time: string | undefined;
}

const timeFields = ['@timestamp', 'UtcTime', 'TimeCreated', 'SystemTime', 'EventTime', 'timestamp', 'ts'];

/** Reads events from tables of JSON lines. */
export async function readEvents(
  paths: readonly string[],
  options: EventOptions,
): Promise<readonly TimedEvent[]> {
  const pipelines = options.pipelines.map(readPipeline);
  const events: TimedEvent[] = [];
  for (const path of paths) {
    for await (const row of readJsonLines(path)) {
      const record = Object.fromEntries(
        Object.entries(row).filter(([name]) => !options.without.includes(name)),
      );
      events.push({ event: toSigmaEvent(record, pipelines), timeMs: timeOf(row, options.time) });
    }
  }
  return events;
}

/** Times without a zone are UTC, as Sysmon writes them. */
function timeOf(row: Readonly<Record<string, unknown>>, field: string | undefined): number | undefined {
  const name = field ?? timeFields.find((each) => row[each] !== undefined) ?? '';
  const value = row[name];
  if (typeof value === 'number') return value;
  if (typeof value !== 'string') return undefined;
  const zoned = /(?:Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value.replace(' ', 'T')}Z`;
  const timeMs = Date.parse(zoned);
  return Number.isNaN(timeMs) ? undefined : timeMs;
}
