import { mkdtempSync, chmodSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { v7 as uuidv7 } from 'uuid';
import { loadClassifiers } from '../classifiers/registry.ts';
import { identifyArtifact, uuidOf } from '../contracts/canonical.ts';
import { deviceIdSchema, tenantIdSchema, toTimestamp } from '../contracts/ids.ts';
import { defaultLimits } from '../contracts/limits.ts';
import { reportSchema } from '../contracts/report.ts';
import type { AcceptedReport } from '../contracts/records.ts';
import { topics } from '../contracts/topics.ts';
import { foldReport } from '../engine/correlate/fold.ts';
import { openEmbeddedLog } from '../platform/log/embedded/embedded-log.ts';
import { TopicLog } from '../platform/log/topic-log.ts';
import { loadModel } from '../platform/onnx/model.ts';
import { startPostgres } from '../platform/postgres/launcher.ts';
import { EmbeddedSignals } from '../platform/signals/embedded-signals.ts';
import { createCorpus } from './corpus.ts';
import { usageOf } from './processes.ts';
import { quantiles, type Quantiles } from './quantiles.ts';

/** CPU of the parts alone, in microseconds a report, PostgreSQL included; and one hop of the log, in milliseconds. */
export interface Floor {
  readonly validationUs: number;
  readonly appendUs: number;
  readonly inferenceUs: number;
  readonly signalsUs: number;
  readonly hopMs: Quantiles;
}

const batch = 100;
const rounds = 60;
const tenantId = tenantIdSchema.parse(uuidOf('bench tenant'));
const deviceId = deviceIdSchema.parse(uuidOf('bench device'));

/** @param hopRate appends a second while the hop is timed: as many as the loop makes at the compared load */
export async function measureFloor(artifacts: number, hopRate: number): Promise<Floor> {
  const home = mkdtempSync(join(tmpdir(), 'firebreak-floor-'));
  chmodSync(home, 0o711);
  const postgres = await startPostgres({ dataDir: join(home, 'data') });
  const embedded = await openEmbeddedLog({ connection: postgres.connection });
  try {
    const log = new TopicLog(embedded, 1);
    await log.createTopics();
    const corpus = createCorpus(artifacts, 0.05);
    const raw = Array.from({ length: batch * rounds }, (_, n) => ({
      id: uuidv7(),
      '@timestamp': new Date().toISOString(),
      ...corpus.report(n),
    }));
    const bodies = Array.from({ length: rounds }, (_, round) =>
      JSON.stringify(raw.slice(round * batch, (round + 1) * batch)),
    );
    const accepted: AcceptedReport[] = [];
    const validationUs = await cpuUs(async () => {
      for (const body of bodies)
        for (const report of JSON.parse(body) as unknown[]) accepted.push(accept(report));
    });
    const portions = Array.from({ length: rounds }, (_, round) =>
      accepted.slice(round * batch, (round + 1) * batch),
    );
    const appendUs = await cpuUs(async () => {
      for (const portion of portions) await log.append(topics.reports, portion);
    });
    const { classifiers } = await loadClassifiers({
      openModel: loadModel,
      ruleFolders: [],
      simulatedRuleFolders: [],
    });
    const inferenceUs = await cpuUs(async () => {
      for (const portion of portions) {
        for (const classifier of classifiers) {
          const accepted = portion.filter(({ artifactKind }) =>
            classifier.profile.accepts.includes(artifactKind),
          );
          await classifier.score(accepted);
        }
      }
    });

    const signals = new EmbeddedSignals({
      load: () => Promise.resolve(new Map()),
      cacheEntries: 1_000_000,
      lookBackMs: defaultLimits.lookBackMs,
      retentionMs: defaultLimits.signalRetentionMs,
    });
    const signalsUs = await cpuUs(async () => {
      for (const portion of portions) await signals.fold(portion.map((report) => foldReport(report, [])));
    });
    const hopMs = await measureHop(log, hopRate);
    return { validationUs, appendUs, inferenceUs, signalsUs, hopMs };
  } finally {
    await embedded.close();
    await postgres.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

function accept(raw: unknown): AcceptedReport {
  const report = reportSchema.parse(raw);
  const { key, evidence } = identifyArtifact(report.artifact);
  return {
    tenantId,
    deviceId,
    artifactKey: key,
    artifactKind: report.artifact.kind,
    evidence,
    acceptedAt: toTimestamp(Date.now()),
    clockSuspect: false,
    awaited: false,
    historyOnly: false,
    report,
  };
}

async function cpuUs(work: () => Promise<void>): Promise<number> {
  const used = () => usageOf(process.pid, () => 'all').get('all')?.cpuUs ?? 0;
  const before = used();
  await work();
  return Math.round((10 * (used() - before)) / (batch * rounds)) / 10;
}

/** From the call of append to the handler of a consumer, at the given rate. */
export async function measureHop(log: TopicLog, rate: number): Promise<Quantiles> {
  const hops: number[] = [];
  const sentMs = new Map<string, number>();
  const consumer = await log.log.consume({
    group: 'floor',
    topics: [topics.deadLetters.name],
    from: 'latest',
    handle: ({ records }) => {
      for (const { key } of records) hops.push(performance.now() - (sentMs.get(key) ?? 0));
    },
    onFailed: (error) => {
      throw error;
    },
  });
  const value = Buffer.alloc(1200, 'x');
  for (let n = 0; n < Math.min(3000, rate * 8); n += 1) {
    sentMs.set(String(n), performance.now());
    void log.log.append(topics.deadLetters.name, [{ key: String(n), partition: 0, value }]);
    await sleep(1000 / rate);
  }
  await sleep(500);
  await consumer.stop();
  return quantiles(hops);
}
