import { v7 as uuidv7 } from 'uuid';
import { entryId, identifyArtifact } from '../contracts/canonical.ts';
import { deviceIdSchema, reportIdSchema, tenantIdSchema, toTimestamp } from '../contracts/ids.ts';
import { artifactSchema, type ArtifactKey } from '../contracts/artifact.ts';
import { defaultLimits } from '../contracts/limits.ts';
import type { SignalRecord, VerdictRecord } from '../contracts/records.ts';
import { topics } from '../contracts/topics.ts';
import { factFields } from '../engine/correlate/fold.ts';
import { createLogger } from '../platform/telemetry/logger.ts';
import { createMetrics } from '../platform/telemetry/metrics.ts';
import { SignalState } from '../platform/signals/signal-state.ts';
import { EmbeddedPlatform } from '../services/host/embedded-platform.ts';
import { createHostEvents } from '../services/host/events.ts';
import { decidedEntry, ecosystem } from '../test/support/entries.ts';
import { reportOn } from './corpus.ts';

const portion = 2000;
/** One in so many is blocked everywhere; of the others only the signals are known. */
const blockedEvery = 10;
const dayMs = 86_400_000;

/**
 * Makes artifacts of the corpus known as the correlator would, but in a hundredth of the time: their signals stand in
 * the changelog, every tenth has an entry in force. The service must not run.
 *
 * @param artifacts numbers 0 up to this one
 */
export async function makeKnown(
  dataDir: string,
  artifacts: number,
  onProgress: (made: number) => void,
): Promise<void> {
  const platform = new EmbeddedPlatform(
    dataDir,
    defaultLimits,
    createHostEvents(createMetrics(), createLogger({ name: 'bench', level: 'warn' })),
  );
  await platform.start();
  try {
    const makers = [newTenant(), newTenant(), newTenant()];
    for (let from = 0; from < artifacts; from += portion) {
      const keys = Array.from({ length: Math.min(portion, artifacts - from) }, (_, index) =>
        keyOf(from + index),
      );
      const signals = keys.map((key, index) => signalsOf(key, makers[(from + index) % makers.length]));
      const verdicts = keys
        .filter((_, index) => (from + index) % blockedEvery === 0)
        .map((key) => blockOf(key, makers[0]));
      await Promise.all([
        platform.topicLog.append(topics.signals, signals),
        platform.topicLog.append(topics.verdicts, verdicts),
      ]);
      onProgress(from + keys.length);
    }
  } finally {
    await platform.stop();
  }
}

type Maker = ReturnType<typeof newTenant>;

function newTenant() {
  return { tenantId: tenantIdSchema.parse(uuidv7()), deviceId: deviceIdSchema.parse(uuidv7()) };
}

function keyOf(artifact: number): ArtifactKey {
  return identifyArtifact(artifactSchema.parse(reportOn(artifact).artifact)).key;
}

function signalsOf(key: ArtifactKey, maker: Maker = newTenant()): SignalRecord {
  const atMs = Date.now() - dayMs;
  const fact = (field: string) => ({
    field,
    order: atMs,
    value: {
      probability: 0.02,
      baseRate: 0.1,
      threshold: 0.9,
      version: '1.0.0',
      capped: false,
      tactic: null,
    },
  });
  const state = new SignalState();
  state.fold({
    key,
    sighting: { ...maker, atMs },
    facts: ['behavior', 'rules'].map((classifier) => fact(factFields.testimony(classifier, maker.tenantId))),
  });
  return { artifactKey: key, state: state.dump() };
}

function blockOf(key: ArtifactKey, maker: Maker = newTenant()): VerdictRecord {
  const nowMs = Date.now();
  return {
    kind: 'entry',
    subject: ecosystem,
    entry: decidedEntry(0, 1, ecosystem, {
      id: entryId(key, 'ecosystem', ecosystem),
      key,
      decidedAt: toTimestamp(nowMs - dayMs),
      expiresAt: toTimestamp(nowMs + 29 * dayMs),
    }),
    origin: { ...maker, reportId: reportIdSchema.parse(uuidv7()) },
    writer: 'bench',
  };
}
