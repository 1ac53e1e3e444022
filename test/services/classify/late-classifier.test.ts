import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { ClassifierOutcome } from '../../../classifiers/classifier.ts';
import { readProfile } from '../../../classifiers/profiles.ts';
import type { ClassifierProfile } from '../../../contracts/classifier-profile.ts';
import type { ReportScores, Score } from '../../../contracts/score.ts';
import { topics } from '../../../contracts/topics.ts';
import { startParts, type Running } from '../../../platform/lifecycle/start-parts.ts';
import { parseBatch, TopicLog } from '../../../platform/log/topic-log.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createClassifyEvents } from '../../../services/classify/events.ts';
import { LineUp } from '../../../services/classify/line-up.ts';
import { LineUpScorer } from '../../../services/classify/line-up-scorer.ts';
import { classifyGroup, ReportScorer } from '../../../services/classify/report-scorer.ts';
import { ScoringVersion } from '../../../services/classify/scoring-version.ts';
import { createVersionEvents } from '../../../services/classify/version-events.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestLog, type TestLog } from '../../support/log.ts';
import { acceptedReport } from '../../support/reports.ts';

const patienceMs = 200;
const outcome: ClassifierOutcome = { outcome: 'abstained', reason: 'a test' };

let testLog: TestLog;
let log: TopicLog;
let running: Running;
const atOnce = () => Promise.resolve();
/** What the slow one does before it answers. */
let dawdle: () => Promise<void> = atOnce;

function lineUpOf(profile: ClassifierProfile, wait: () => Promise<void>): LineUp {
  let asked = 0;
  const opened = {
    classifier: {
      profile,
      cacheKey: () => String((asked += 1)),
      score: async (inputs: readonly unknown[]) => {
        await wait();
        return inputs.map(() => outcome);
      },
      close: () => Promise.resolve(),
    },
    ...{ canaries: [], digest: '', reference: null },
  };
  return new LineUp(new ScoringVersion(opened, true, 10));
}

beforeAll(async () => {
  testLog = await startTestLog();
  log = new TopicLog(testLog.log, 1);
  await log.createTopics();
  const [logger, metrics] = [createLogger({ name: 'test', level: 'silent' }), createMetrics()];
  const events = { ...createClassifyEvents(logger, metrics), ...createVersionEvents(logger, metrics) };
  const profile = await readProfile('rules');
  const scorers = [
    lineUpOf({ ...profile, id: 'swift' }, atOnce),
    lineUpOf({ ...profile, id: 'slow' }, () => dawdle()),
  ].map((lineUp) => new LineUpScorer({ log, lineUp, events, patienceMs, now: Date.now }));
  running = await startParts([new ReportScorer({ log, scorers, events })]);
});
afterAll(async () => {
  await running.stop();
  await testLog.stop();
});

/** Reports a command line. @returns what is said of it, as it lies in the log, once all have answered */
async function records(): Promise<readonly ReportScores[]> {
  const report = acceptedReport({ artifact: { kind: 'command-line', text: 'whoami /all' } });
  await log.append(topics.reports, [report]);
  return eventually(async () => {
    const found: ReportScores[] = [];
    for await (const batch of log.log.read({ topic: topics.scores.name, partition: 0, offset: 0 }))
      for (const { value } of parseBatch(topics.scores, batch).records)
        if (value?.reportId === report.report.id) found.push(value);
    return found.flatMap(({ scores }) => scores).length < 2 ? null : found;
  });
}

/** @returns what is said of a command line, by classifier */
async function answers(): Promise<Readonly<Record<string, Score['result']>>> {
  const scores = (await records()).flatMap((record) => record.scores);
  return Object.fromEntries(scores.map(({ classifier, result }) => [classifier, result]));
}

const speakers = async (): Promise<readonly (readonly string[])[]> =>
  (await records()).map(({ scores }) => scores.map(({ classifier }) => classifier));

test('answers that are there together lie in one record; one that takes longer follows and keeps nobody waiting', async () => {
  dawdle = atOnce;
  expect(await speakers()).toEqual([['swift', 'slow']]);
  dawdle = () => sleep(patienceMs * 0.6);
  expect(await speakers()).toEqual([['swift'], ['slow']]);
});

describe('a classifier that does not answer', () => {
  test('has not failed where the process stood still meanwhile', async () => {
    dawdle = async () => {
      await sleep(patienceMs / 10);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3 * patienceMs);
      await sleep(patienceMs / 10);
    };
    expect(await answers()).toEqual({ swift: outcome, slow: outcome });
  });

  test('has failed after a while, is not asked again until it does, and holds nobody up', async () => {
    dawdle = atOnce;
    expect(await answers()).toEqual({ swift: outcome, slow: outcome });
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    dawdle = () => gate;
    const tooLate = { outcome: 'failed', reason: `no answer within ${patienceMs} ms` };
    expect(await answers()).toEqual({ swift: outcome, slow: tooLate });
    const notAsked = { outcome: 'failed', reason: 'it has not answered yet what came before' };
    expect(await answers()).toEqual({ swift: outcome, slow: notAsked });
    dawdle = atOnce;
    open();
    await eventually(async () => ((await answers())['slow']?.outcome === 'abstained' ? true : null));
    await eventually(async () => {
      const [lag] = await log.log.lag(classifyGroup, [topics.reports.name]);
      return lag?.lag === 0 ? true : null;
    });
  });
});
