import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { FirebreakError } from '../../../contracts/errors.ts';
import { topics } from '../../../contracts/topics.ts';
import { TopicLog } from '../../../platform/log/topic-log.ts';
import { createLogger } from '../../../platform/telemetry/logger.ts';
import { createMetrics } from '../../../platform/telemetry/metrics.ts';
import { createHostEvents } from '../../../services/host/events.ts';
import { LagWatch } from '../../../services/host/lag-watch.ts';
import { acceptedReport, newTenant } from '../../support/history.ts';
import { eventually } from '../../support/eventually.ts';
import { startTestLog, type TestLog } from '../../support/log.ts';

const group = 'watched';
const reports = topics.reports.name;
let server: TestLog;
let log: TopicLog;
const broken = { now: false };

beforeAll(async () => {
  server = await startTestLog();
  log = new TopicLog(server.log, 1);
  await log.createTopics();
}, 60_000);
afterAll(async () => server.stop());

function watch(everyMs?: number) {
  const metrics = createMetrics();
  const events = createHostEvents(metrics, createLogger({ name: 'test', level: 'silent' }));
  const groups = [{ group, topics: [reports] }];
  const asked = {
    ends: (topic: string) => log.log.ends(topic),
    lag: async (name: string, topicNames: readonly string[]) => {
      if (broken.now) throw new FirebreakError('FB_LOG_UNAVAILABLE', 'It does not answer.');
      return log.log.lag(name, topicNames);
    },
  };
  const part = new LagWatch({ log: asked, groups, events, ...(everyMs !== undefined && { everyMs }) });
  const value = async (name: string): Promise<number | null> => {
    const found = new RegExp(`^${name}(?:\\{.*\\})? (\\d+)$`, 'm').exec((await metrics.page()).text);
    return found === null ? null : Number(found[1]);
  };
  return { part, value };
}

describe('how far a group is behind', () => {
  test('is told from the start, and follows what is appended and committed', async () => {
    const tenantId = newTenant();
    const positions = await log.append(
      topics.reports,
      [1, 2, 3].map(() => acceptedReport({ tenantId })),
    );
    const { part, value } = watch(20);
    await part.start();
    expect(await value('firebreak_log_lag_records')).toBe(3);
    const consumer = await log.log.consume({
      group,
      topics: [reports],
      from: 'earliest',
      handle: () => undefined,
      onFailed: (error) => {
        throw error;
      },
    });
    consumer.commit({ topic: reports, partition: 0, offset: (positions[1]?.offset ?? 0) + 1 });
    await eventually(async () => ((await value('firebreak_log_lag_records')) === 1 ? true : null));
    await consumer.stop();
    await part.stop();
  });

  test('is not told while the log does not answer; dead letters are counted whoever wrote them', async () => {
    const { part, value } = watch(20);
    await part.start();
    expect(await value('firebreak_log_dead_letters')).toBe(0);
    const batch = { topic: reports, partition: 0 };
    const stored = { offset: 0, key: 'k', value: Buffer.from('{'), headers: {}, appendedAt: 0 };
    await log.bequeath(batch, group, [{ record: stored, detail: 'no JSON' }], 'FB_RECORD_UNREADABLE');
    await eventually(async () => ((await value('firebreak_log_dead_letters')) === 1 ? true : null));
    broken.now = true;
    await eventually(async () => ((await value('firebreak_log_lag_records')) === null ? true : null));
    await part.stop();
  });
});
