/**
 * The load generator, a process of its own: drives POST /v1/reports with connections that are kept, counts what was
 * accepted, and listens to the stream for the entries of the hostile reports that it mixes in. Reads its task as JSON
 * from the first argument, writes its result as JSON to standard output.
 */
import { randomUUID } from 'node:crypto';
import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createParser } from 'eventsource-parser';
import { v7 as uuidv7 } from 'uuid';
import { canonicalCommandLine, sha256Hex } from '../contracts/canonical.ts';
import { createCorpus, hostileReport } from './corpus.ts';

export interface LoadTask {
  readonly url: string;
  readonly credentials: readonly string[];
  readonly subscriber: string;
  readonly batch: number;
  readonly connections: number;
  /** Reports a second; null: as many as it takes. */
  readonly rate: number | null;
  readonly seconds: number;
  readonly artifacts: number;
  readonly newShare: number;
  /** Hostile reports a second, whose way to the stream is timed. */
  readonly hostileRate: number;
  readonly firstReport: number;
}

export interface LoadResult {
  readonly accepted: number;
  readonly refused: number;
  readonly failed: number;
  readonly seconds: number;
  /** Milliseconds from sending a hostile report to its entry on the stream. */
  readonly entryMs: readonly number[];
  readonly entriesMissing: number;
  readonly requestMs: readonly number[];
}

const task = JSON.parse(process.argv[2] ?? '{}') as LoadTask;
const agent = new Agent({ keepAlive: true, maxSockets: task.connections + 8 });
const corpus = createCorpus(task.artifacts, task.newShare);
const sentAtMs = new Map<string, number>();
const entryMs: number[] = [];
const requestMs: number[] = [];
let [accepted, refused, failed, next] = [0, 0, 0, task.firstReport];

function post(path: string, credential: string, body: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${credential}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
    };
    const sent = request(new URL(path, task.url), { method: 'POST', agent, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
      );
      answer.on('error', reject);
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

async function sendBatch(credential: string, reports: readonly object[]): Promise<void> {
  const now = new Date().toISOString();
  const body = JSON.stringify({
    sentAt: now,
    reports: reports.map((report) => ({ id: uuidv7(), '@timestamp': now, ...report })),
  });
  const startedMs = performance.now();
  try {
    const { status, text } = await post('/v1/reports', credential, body);
    requestMs.push(performance.now() - startedMs);
    if (status >= 300) {
      refused += reports.length;
      await sleep(50);
      return;
    }
    const taken = text.split('"status":"accepted"').length + text.split('"status":"known"').length - 2;
    accepted += taken;
    refused += reports.length - taken;
    // As an agent does that was asked to come again.
    const retryAfterMs = /"retryAfterMs":(\d+)/.exec(text)?.[1];
    if (retryAfterMs !== undefined) await sleep(Number(retryAfterMs));
  } catch {
    failed += reports.length;
    await sleep(100);
  }
}

/** @returns when the subscriber hears the stream */
async function subscribe(): Promise<void> {
  const headers = { authorization: `Bearer ${task.subscriber}` };
  const snapshot = await fetch(new URL('/v1/snapshot', task.url), { headers });
  await snapshot.text();
  const cursor = snapshot.headers.get('firebreak-cursor') ?? '';
  await new Promise<void>((resolve, reject) => {
    const parser = createParser({
      onEvent: ({ event, data }) => {
        if (event !== 'entry') return;
        const { key } = JSON.parse(data) as { key: string };
        const startedMs = sentAtMs.get(key);
        if (startedMs === undefined) return;
        sentAtMs.delete(key);
        entryMs.push(performance.now() - startedMs);
      },
    });
    const open = request(new URL(`/v1/stream?cursor=${cursor}`, task.url), { headers }, (answer) => {
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => parser.feed(chunk));
      answer.on('error', () => undefined);
      resolve();
    });
    open.on('error', reject);
    open.end();
  });
}

async function sendHostile(untilMs: number): Promise<void> {
  while (performance.now() < untilMs && task.hostileRate > 0) {
    const report = hostileReport(randomUUID());
    const key = `command-line:sha256:${sha256Hex(canonicalCommandLine(report.artifact.text ?? ''))}`;
    sentAtMs.set(key, performance.now());
    await sendBatch(task.subscriber, [report]);
    await sleep(1000 / task.hostileRate);
  }
}

async function sendOrdinary(lane: number, startMs: number, untilMs: number): Promise<void> {
  const credential = task.credentials[lane % task.credentials.length] ?? task.subscriber;
  const everyMs = task.rate === null ? 0 : (1000 * task.batch * task.connections) / task.rate;
  let turnMs = startMs + (everyMs * lane) / task.connections;
  while (performance.now() < untilMs) {
    if (everyMs > 0) {
      await sleep(Math.max(0, turnMs - performance.now()));
      turnMs += everyMs;
    }
    const from = next;
    next += task.batch;
    await sendBatch(
      credential,
      Array.from({ length: task.batch }, (_, index) => corpus.report(from + index)),
    );
  }
}

await subscribe();
const startMs = performance.now();
const untilMs = startMs + task.seconds * 1000;
const lanes = Array.from({ length: task.rate === 0 ? 0 : task.connections }, (_, lane) =>
  sendOrdinary(lane, startMs, untilMs),
);
await Promise.all([...lanes, sendHostile(untilMs)]);
const seconds = (performance.now() - startMs) / 1000;
for (let waited = 0; sentAtMs.size > 0 && waited < 10_000; waited += 100) await sleep(100);
const result: LoadResult = {
  accepted,
  refused,
  failed,
  seconds,
  entryMs,
  entriesMissing: sentAtMs.size,
  requestMs,
};
process.stdout.write(JSON.stringify(result), () => process.exit(0));
