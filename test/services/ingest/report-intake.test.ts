import { randomUUID } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { sha256Hex } from '../../../contracts/canonical.ts';
import { FirebreakError } from '../../../contracts/errors.ts';
import { reportBatchSchema } from '../../../contracts/http.ts';
import { defaultLimits } from '../../../contracts/limits.ts';
import type { AcceptedReport } from '../../../contracts/records.ts';
import { topics, type Topic } from '../../../contracts/topics.ts';
import { Admission } from '../../../services/ingest/admission.ts';
import { Backlog } from '../../../services/ingest/backlog.ts';
import { createIngestEvents } from '../../../services/ingest/events.ts';
import { RecentReports } from '../../../services/ingest/recent-reports.ts';
import { ReportIntake } from '../../../services/ingest/report-intake.ts';
import { View } from '../../../services/ingest/view.ts';
import { Waiters } from '../../../services/ingest/waiters.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { decidedEntry, deviceA1, ecosystem, sampleKey, tenantA } from '../../support/entries.ts';

const nowMs = 1_790_000_100_000;
const knownDigest = sampleKey(1).slice('file:sha256:'.length);

/** Ingest without a socket, on a log that a test can fill or hold up. */
function setUp(options: { totalBytes?: number; waiters?: number } = {}) {
  const appended: AcceptedReport[][] = [];
  const view = new View({ benignCacheEntries: 10 });
  const entry = decidedEntry(1);
  const origin = { tenantId: tenantA, deviceId: deviceA1, reportId: entry.id };
  view.applyVerdict(
    'k',
    topics.verdicts.schema.parse({ kind: 'entry', subject: ecosystem, entry, origin, writer: 'w' }),
  );
  const log = {
    gate: Promise.resolve<void>(undefined),
    append: async <Value>(_topic: Topic<Value>, values: readonly Value[]) => {
      await log.gate;
      appended.push(values.map((value) => topics.reports.schema.parse(value)));
      return [];
    },
  };
  const waiters = new Waiters(options.waiters ?? 100);
  const admission = new Admission(options.totalBytes ?? 1_000_000, () => false);
  const intake = new ReportIntake({
    log,
    view,
    waiters,
    recent: new RecentReports(3),
    admission,
    backlog: new Backlog(),
    samples: { isWanted: () => false },
    events: createIngestEvents(createMetrics(), createLogger({ name: 'test', level: 'silent' })),
    limits: defaultLimits,
    now: () => nowMs,
    random: () => 0.5,
  });
  const take = (
    reports: readonly unknown[],
    waitSeconds: number | null = null,
    bodyBytes = reports.length * 1000,
  ) =>
    intake.take(
      {
        batch: reportBatchSchema.parse({ sentAt: new Date(nowMs).toISOString(), reports }),
        tenantId: tenantA,
        deviceId: deviceA1,
        bodyBytes,
        preferences: { waitSeconds, strict: false },
        traceparent: 't',
      },
      () => new AbortController().signal,
    );
  return { take, log, appended, admission, waiters };
}

function report(digest = sha256Hex(randomUUID())) {
  return {
    id: randomUUID(),
    '@timestamp': new Date(nowMs).toISOString(),
    detectionSource: 'antivirus',
    localAction: 'held',
    artifact: { kind: 'file', hash: { sha256: digest } },
  };
}
const statuses = ({ results }: { readonly results: readonly { readonly status: string }[] }) =>
  results.map(({ status }) => status);

describe('under more load than the log takes', () => {
  test('repeats of known artifacts are deferred first, with a time and with what is known', async () => {
    const { take, appended } = setUp({ totalBytes: 8000 });
    const answer = await take([report(), report(), report(knownDigest), report()]);
    expect(statuses(answer)).toEqual(['accepted', 'accepted', 'deferred', 'accepted']);
    expect(answer.results[2]).toMatchObject({
      retryAfterMs: 1500,
      verdict: 'malicious',
      entry: { revision: 1 },
    });
    expect(appended.flat()).toHaveLength(3);
  });

  test('what was taken is free again when the log has it', async () => {
    const { take, admission } = setUp({ totalBytes: 4000 });
    for (let round = 0; round < 3; round += 1) {
      expect(statuses(await take([report(), report()]))).toEqual(['accepted', 'accepted']);
    }
    expect(admission.usedBytes).toBe(0);
  });

  test('what the log refuses is thrown as a whole, and nothing stays behind', async () => {
    const { take, log, admission, waiters } = setUp();
    const refused = Promise.reject(new FirebreakError('FB_LOG_FULL', 'full'));
    refused.catch(() => undefined);
    log.gate = refused;
    const again = report();
    await expect(take([again], 10)).rejects.toMatchObject({ code: 'FB_LOG_FULL' });
    expect({ bytes: admission.usedBytes, waiters: waiters.count }).toEqual({ bytes: 0, waiters: 0 });
    log.gate = Promise.resolve();
    expect(statuses(await take([again]))).toEqual(['accepted']);
  });
});

describe('duplicates', () => {
  test('are told only after the log has the first', async () => {
    const { take, log, appended } = setUp();
    let open: () => void = () => undefined;
    log.gate = new Promise((resolve) => (open = resolve));
    const twice = report();
    const both = [take([twice]), take([twice])];
    open();
    expect((await Promise.all(both)).map(statuses)).toEqual([['accepted'], ['accepted']]);
    expect(statuses(await take([twice]))).toEqual(['duplicate']);
    expect(appended.flat()).toHaveLength(2);
  });

  test('are forgotten in time: best effort', async () => {
    const { take } = setUp();
    const first = report();
    await take([first, report(), report(), report()]);
    expect(statuses(await take([first]))).toEqual(['accepted']);
  });

  test('of one that is still waited for go to the log again, so that its answer comes again', async () => {
    const { take, appended } = setUp();
    const twice = report();
    await take([twice]);
    expect(statuses(await take([twice], 0))).toEqual(['duplicate']);
    const [waiting] = [take([twice], 1)];
    expect(statuses(await waiting)).toEqual(['duplicate']);
    expect(appended.map((values) => values.map(({ awaited }) => awaited))).toEqual([[false], [true]]);
  });
});

describe('waiting', () => {
  test('for a report that is too old to be judged ends at once, without a verdict', async () => {
    const { take, appended, waiters } = setUp();
    const old = { ...report(), '@timestamp': new Date(nowMs - 8 * 86_400_000).toISOString() };
    const answer = await take([old], 30);
    expect(answer).toMatchObject({ decided: true, waitMs: 30_000 });
    expect(answer.results).toMatchObject([{ status: 'accepted', verdict: null, entry: null }]);
    expect(appended.flat()).toMatchObject([{ historyOnly: true, awaited: false }]);
    expect(waiters.count).toBe(0);
  });

  test('is over at once when everything is known, and says that it was honoured', async () => {
    const { take, appended } = setUp();
    expect(await take([report(knownDigest), { id: 'bad' }], 30)).toMatchObject({
      decided: true,
      waitMs: 30_000,
    });
    expect(appended.flat()[0]).toMatchObject({ awaited: false });
  });

  test('does not happen beyond the bound: the answer is pending at once', async () => {
    const { take } = setUp({ waiters: 1 });
    const answer = await take([report(), report()], 30);
    expect(answer).toMatchObject({ decided: false, waitMs: null });
    expect(statuses(answer)).toEqual(['accepted', 'accepted']);
  });
});
