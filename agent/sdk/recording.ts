import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { reportSchema, type ReportInput } from '../../contracts/report.ts';

/** One line of a recording: what a device reported, and when, in milliseconds from the beginning. */
export const recordedReportSchema = z.strictObject({
  at: z.int().nonnegative(),
  tenant: z.string().exactOptional(),
  device: z.string().exactOptional(),
  wait: z.boolean().default(false).describe('The device holds the artifact until it has an answer.'),
  report: reportSchema,
});
export type RecordedReport = z.infer<typeof recordedReportSchema>;

/** A line of a recording that is none; `line` counts from 1. */
export class RecordingError extends Error {
  readonly line: number;

  constructor(path: string, line: number, detail: string) {
    super(`${path} line ${line}: ${detail}`);
    this.name = 'RecordingError';
    this.line = line;
  }
}

/**
 * Reads a recording (JSON lines), in the order of time.
 * @throws RecordingError naming the first bad line; the error of the file system
 */
export async function readRecording(path: string): Promise<readonly RecordedReport[]> {
  const lines = createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  const recording: RecordedReport[] = [];
  let number = 0;
  for await (const line of lines) {
    number += 1;
    if (line.trim() !== '') recording.push(readLine(path, number, line));
  }
  return recording.sort((a, b) => a.at - b.at);
}

function readLine(path: string, number: number, line: string): RecordedReport {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new RecordingError(path, number, 'This is not JSON.');
  }
  const read = recordedReportSchema.safeParse(value);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new RecordingError(path, number, `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`);
}

/** @returns the recorded report as if it happened now, under an id of its own */
export function asIfNow(report: ReportInput): ReportInput {
  return { ...report, id: uuidv7(), '@timestamp': new Date().toISOString() };
}

export interface Playback {
  /** 1 plays at the recorded pace, 10 ten times faster, infinity without pauses. */
  readonly speed: number;
  /** What is held at a time is held at once; no more than this is under way. */
  readonly mostUnderWay?: number;
  readonly signal?: AbortSignal;
}

/** Hands each line to `play` at its time. Held lines do not hold up the others. @throws what `play` throws */
export async function playRecording(
  recording: readonly RecordedReport[],
  { speed, mostUnderWay = 64, signal }: Playback,
  play: (line: RecordedReport) => Promise<void>,
): Promise<void> {
  const startedMs = performance.now();
  const underWay = new Set<Promise<void>>();
  for (const line of recording) {
    const pauseMs = startedMs + line.at / speed - performance.now();
    if (pauseMs > 0) await sleep(pauseMs, undefined, { signal });
    while (underWay.size >= mostUnderWay) await Promise.race(underWay);
    const played = play(line).finally(() => underWay.delete(played));
    underWay.add(played);
  }
  await Promise.all(underWay);
}
